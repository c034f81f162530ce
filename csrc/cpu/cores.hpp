// How many cores this process may use, and which. Linux tells (cores_linux.cpp); elsewhere
// (cores_other.cpp) all that are there count as usable.
#pragma once

#include <string>
#include <vector>

namespace striate::cpu {

struct Cores {
  int online = 1;          // logical cores of the machine
  int allowed = 1;         // of these, the ones the affinity mask leaves to this process
  int physical = 1;        // cores behind the allowed ones: two hyper-threads count once
  double quota = 0;        // processor time a second that the cgroup grants; 0 if it does not limit
  std::vector<int> order;  // the allowed ones by number, the first of each physical core in front

  int usable() const;  // the number of threads that pays: `physical`, within the quota
};

// Files are looked for under `root`, which a test can set.
Cores detect_cores(const std::string& root = "");

// Put the calling thread on a core now; it may be moved on later.
void place_thread(int core);
int current_core();  // -1 where it is not known

}  // namespace striate::cpu
