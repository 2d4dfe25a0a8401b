// Calls and returns: a recursive function, a binary search tree, and calls through pointers. About four instructions between branches.
typedef unsigned long u64;
typedef unsigned int u32;

__attribute__((noinline, noclone, optimize("no-optimize-sibling-calls"))) static u64 partitions(u32 n, u32 most) {
  if (n == 0) return 1;
  u64 ways = 0;
  for (u32 part = n < most ? n : most; part; part--) ways += partitions(n - part, part);
  return ways;
}

typedef struct Node Node;
typedef u64 (*Visit)(const Node *, u64);
struct Node {
  Node *child[2];
  u64 key;
  Visit visit;
};
enum { NODES = 3000 };
static Node nodes[NODES];

__attribute__((noinline)) static u64 add(const Node *n, u64 x) { return x + n->key; }
__attribute__((noinline)) static u64 mix(const Node *n, u64 x) { return x ^ n->key << 5; }
__attribute__((noinline)) static u64 scale(const Node *n, u64 x) { return x * 33 - n->key; }

__attribute__((noinline)) static const Node *find(const Node *at, u64 key) {
  while (at && at->key != key) at = at->child[key > at->key];
  return at;
}

u64 workload(u32 repetitions) {
  static const Visit visits[3] = {add, mix, scale};
  u64 state = 42, sum = 0;
  for (u32 i = 0; i < NODES; i++) {
    state = state * 6364136223846793005UL + 1442695040888963407UL;
    Node *fresh = &nodes[i];
    fresh->key = state >> 33;
    fresh->visit = visits[i % 3];
    fresh->child[0] = fresh->child[1] = 0;
    if (i == 0) continue;
    Node **slot = 0, *at = &nodes[0];
    while (at) {
      slot = &at->child[fresh->key > at->key];
      at = *slot;
    }
    *slot = fresh;
  }
  while (repetitions--) {
    sum += partitions(42, 42);
    for (u32 i = 0; i < 40000; i++) {
      const Node *found = find(&nodes[0], nodes[(u32)(i * 2654435761u) % NODES].key);
      if (found) sum = found->visit(found, sum);
    }
  }
  return sum;
}
