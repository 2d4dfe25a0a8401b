// Byte loops and 64-bit arithmetic: a sieve over odd numbers, then a xorshift generator feeding a multiplicative hash.
typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned char u8;

enum { LIMIT = 1 << 20 };
static u8 composite[LIMIT / 2];

static u64 count_primes(void) {
  for (u32 i = 0; i < LIMIT / 2; i++) composite[i] = 0;
  for (u32 p = 3; p * p < LIMIT; p += 2)
    if (!composite[p / 2])
      for (u32 multiple = p * p; multiple < LIMIT; multiple += 2 * p) composite[multiple / 2] = 1;
  u64 primes = 1;
  for (u32 i = 1; i < LIMIT / 2; i++) primes += composite[i] ^ 1;
  return primes;
}

u64 workload(u32 repetitions) {
  u64 sum = 0;
  while (repetitions--) {
    u64 hash = count_primes();
    u64 state = 0x2545f4914f6cdd1dUL;
    for (u32 i = 0; i < 3000000; i++) {
      state ^= state >> 12;
      state ^= state << 25;
      state ^= state >> 27;
      hash = (hash ^ state) * 0x100000001b3UL;
      if ((state & 15) < 3) hash += state >> 32;
    }
    sum += hash;
  }
  return sum;
}
