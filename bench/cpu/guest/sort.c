// Unpredictable branches: quicksort of random numbers, then an interpreter of a small register bytecode (indirect branches).
typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned char u8;

enum { COUNT = 1 << 17 };
static u32 numbers[COUNT];

static void sort(u32 *low, u32 *high) {
  while (high - low > 8) {
    u32 *left = low, *right = high, pivot = low[(high - low) / 2];
    for (;;) {
      while (*left < pivot) left++;
      while (*right > pivot) right--;
      if (left >= right) break;
      u32 swapped = *left;
      *left++ = *right;
      *right-- = swapped;
    }
    if (right - low < high - right) {
      sort(low, right);
      low = right + 1;
    } else {
      sort(right + 1, high);
      high = right;
    }
  }
  for (u32 *next = low + 1; next <= high; next++) {
    u32 value = *next, *slot = next;
    for (; slot > low && slot[-1] > value; slot--) *slot = slot[-1];
    *slot = value;
  }
}

enum { MOVE, ADD, MULTIPLY, ROTATE, XOR, DECREMENT, JUMP_IF_NOT_ZERO, SUBTRACT, STOP };
typedef struct {
  u8 op, d, a, b;
} Instruction;
static const Instruction program[] = {
    {MOVE, 1, 0, 0},     {ADD, 2, 2, 0},       {MULTIPLY, 3, 2, 5}, {ROTATE, 3, 3, 13}, {XOR, 4, 4, 3},
    {SUBTRACT, 2, 2, 4}, {XOR, 1, 1, 2},       {ROTATE, 1, 1, 7},   {ADD, 4, 4, 1},     {DECREMENT, 0, 0, 0},
    {JUMP_IF_NOT_ZERO, 0, 0, 1}, {STOP, 4, 0, 0},
};

__attribute__((noinline)) static u64 interpret(u64 count) {
  u64 r[6];
  r[0] = count;
  r[1] = r[3] = r[4] = 0;
  r[2] = 0x12345;
  r[5] = 0x9e3779b97f4a7c15UL;
  for (const Instruction *at = program;; at++) {
    switch (at->op) {
    case MOVE: r[at->d] = r[at->a]; break;
    case ADD: r[at->d] = r[at->a] + r[at->b]; break;
    case SUBTRACT: r[at->d] = r[at->a] - r[at->b]; break;
    case MULTIPLY: r[at->d] = r[at->a] * r[at->b]; break;
    case ROTATE: r[at->d] = r[at->a] >> at->b | r[at->a] << (64 - at->b); break;
    case XOR: r[at->d] = r[at->a] ^ r[at->b]; break;
    case DECREMENT: r[at->d]--; break;
    case JUMP_IF_NOT_ZERO:
      if (r[at->d]) at = program + at->b - 1;
      break;
    default: return r[at->d];
    }
  }
}

u64 workload(u32 repetitions) {
  u64 sum = 0;
  while (repetitions--) {
    u64 state = 88172645463325252UL;
    for (u32 i = 0; i < COUNT; i++) {
      state = state * 6364136223846793005UL + 1442695040888963407UL;
      numbers[i] = state >> 35;
    }
    sort(numbers, numbers + COUNT - 1);
    for (u32 i = 1; i < COUNT; i++) sum += numbers[i - 1] <= numbers[i];
    sum = sum * 31 + numbers[COUNT / 3] + interpret(150000);
  }
  return sum;
}
