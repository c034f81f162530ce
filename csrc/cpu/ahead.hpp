// Where what is fetched ahead of its use is best put. Its name is C's, as in cpu/amx.hpp.
#pragma once

#ifdef _MSC_VER
#define STRIATE_HIDDEN
#else
#define STRIATE_HIDDEN __attribute__((visibility("hidden")))  // read without a table of addresses
#endif

// Whether in L1, and worth fetching from L3, too. Else in L2, and only what comes from memory: the
// processor has the rest in time by itself.
extern "C" const bool striate_fetches_near STRIATE_HIDDEN;
