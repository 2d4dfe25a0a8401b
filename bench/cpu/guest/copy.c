// Memory: fill and copy by pairs of words with byte tails, then a table-driven CRC-32 of what was copied.
typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned char u8;

enum { BYTES = 192 << 10 };
static u64 from[BYTES / 8], to[BYTES / 8];
static u32 table[256];

__attribute__((noinline)) static void fill(void *at, u8 value, u64 bytes) {
  u64 word = value * 0x0101010101010101UL;
  u64 *words = at;
  for (; bytes >= 32; bytes -= 32, words += 4) {
    words[0] = word;
    words[1] = word;
    words[2] = word;
    words[3] = word;
  }
  for (u8 *tail = (u8 *)words; bytes; bytes--) *tail++ = value;
}

__attribute__((noinline)) static void copy(void *restrict d, const void *restrict s, u64 bytes) {
  u64 *out = d;
  const u64 *in = s;
  for (; bytes >= 16; bytes -= 16) {
    u64 a = *in++, b = *in++;
    *out++ = a;
    *out++ = b;
  }
  u8 *out8 = (u8 *)out;
  for (const u8 *in8 = (const u8 *)in; bytes; bytes--) *out8++ = *in8++;
}

__attribute__((noinline)) static u32 crc32(u32 crc, const u8 *at, u64 bytes) {
  crc = ~crc;
  for (const u8 *end = at + bytes; at != end; at++) crc = (crc >> 8) ^ table[(u8)(crc ^ *at)];
  return ~crc;
}

u64 workload(u32 repetitions) {
  for (u32 i = 0; i < 256; i++) {
    u32 value = i;
    for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ (value & 1 ? 0xedb88320u : 0);
    table[i] = value;
  }
  u64 sum = 0;
  while (repetitions--) {
    u32 crc = 0;
    for (u32 round = 0; round < 48; round++) {
      fill(from, (u8)(round * 5 + 3), BYTES - 7);
      for (u32 i = round; i < BYTES / 8; i += 7) from[i] ^= i * 0x9e3779b9UL;
      for (int times = 0; times < 10; times++) copy(to, from, BYTES - 3);
      crc = crc32(crc, (const u8 *)to, BYTES);
    }
    sum = sum * 31 + crc;
  }
  return sum;
}
