// Where what is fetched ahead of its use is best put. Its name is C's, as in cpu/amx.hpp.
#pragma once

// Into L1, where its latency is worth instructions of their own from L3 on. Else into L2, and only
// what comes from memory: the processor fetches the rest in time by itself.
extern "C" const bool striate_fetches_near;
