// Where what is fetched ahead of its use is best put. Its name is C's, as in cpu/amx.hpp.
#pragma once

#ifdef _MSC_VER
#define STRIATE_HIDDEN
#else
#define STRIATE_HIDDEN __attribute__((visibility("hidden")))  // read without a table of addresses
#endif

// Into L1, where its latency is worth instructions of their own from L3 on. Else into L2, and only
// what comes from memory: the processor fetches the rest in time by itself.
extern "C" const bool striate_fetches_near STRIATE_HIDDEN;
