// The affinity mask, the topology in /sys/devices/system/cpu, and the cgroup's share of time.
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "cpu/cores.hpp"

namespace striate::cpu {
namespace {

constexpr int kMaxCores = 8192;

// cpu_set_t ends at 1024 cores.
struct Mask {
  cpu_set_t* bits = CPU_ALLOC(kMaxCores);
  const size_t bytes = CPU_ALLOC_SIZE(kMaxCores);
  Mask() { CPU_ZERO_S(bytes, bits); }
  Mask(const Mask&) = delete;
  Mask& operator=(const Mask&) = delete;
  ~Mask() { CPU_FREE(bits); }
};

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<int> allowed_cores(int online) {
  std::vector<int> allowed;
  Mask mask;
  if (sched_getaffinity(0, mask.bytes, mask.bits) == 0) {
    for (int core = 0; core < kMaxCores; ++core) {
      if (CPU_ISSET_S(core, mask.bytes, mask.bits)) allowed.push_back(core);
    }
  }
  for (int core = 0; allowed.empty() && core < online; ++core) allowed.push_back(core);
  return allowed;
}

// Hyper-threads of one core have the same text, such as "0,64"; without the file each is its own.
std::string siblings(const std::string& root, int core) {
  const std::string number = std::to_string(core);
  const std::string folder = root + "/sys/devices/system/cpu/cpu" + number + "/topology/";
  const std::string text = read(folder + "thread_siblings_list");
  return text.empty() ? number : text;
}

// "150000 100000" (microseconds in a period, or "max") is 1.5 cores.
double ratio(const std::string& quota, const std::string& period) {
  const double granted = std::atof(quota.c_str()), every = std::atof(period.c_str());
  return granted > 0 && every > 0 ? granted / every : 0;
}

double quota_of(const std::string& group, bool unified) {
  if (!unified) return ratio(read(group + "/cpu.cfs_quota_us"), read(group + "/cpu.cfs_period_us"));
  std::istringstream text(read(group + "/cpu.max"));
  std::string quota, period;
  text >> quota >> period;
  return ratio(quota, period);
}

// The least of what the group and the groups around it grant. A container sees its own group as
// the root, whatever /proc says its path is: so paths that do not exist are passed over.
double least_quota(const std::string& mount, std::string path, bool unified) {
  double least = 0;
  for (;;) {
    const double quota = quota_of(mount + path, unified);
    if (quota > 0) least = least > 0 ? std::min(least, quota) : quota;
    const size_t parent = path.find_last_of('/');
    if (parent == std::string::npos) return least;
    path.erase(parent);
  }
}

// Lines of /proc/self/cgroup: "0::/path" (version 2) or "4:cpu,cpuacct:/path" (version 1).
double cgroup_quota(const std::string& root) {
  std::istringstream lines(read(root + "/proc/self/cgroup"));
  double least = 0;
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool unified = controllers == ",,";
    if (!unified && controllers.find(",cpu,") == std::string::npos) continue;
    std::string path = line.substr(second + 1);
    if (path == "/") path.clear();
    const std::string mount = root + "/sys/fs/cgroup" + (unified ? "" : "/cpu");
    const double quota = least_quota(mount, path, unified);
    if (quota > 0) least = least > 0 ? std::min(least, quota) : quota;
  }
  return least;
}

}  // namespace

Cores detect_cores(const std::string& root) {
  Cores cores;
  cores.online = std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
  const std::vector<int> allowed = allowed_cores(cores.online);
  std::set<std::string> seen;
  std::vector<int> second_threads;
  for (const int core : allowed) {
    const bool first = seen.insert(siblings(root, core)).second;
    (first ? cores.order : second_threads).push_back(core);
  }
  cores.allowed = static_cast<int>(allowed.size());
  cores.physical = static_cast<int>(cores.order.size());
  cores.order.insert(cores.order.end(), second_threads.begin(), second_threads.end());
  cores.quota = cgroup_quota(root);
  return cores;
}

void place_thread(int core) {
  Mask before, there;
  if (sched_getaffinity(0, before.bytes, before.bits) != 0) return;
  CPU_SET_S(core, there.bytes, there.bits);
  if (sched_setaffinity(0, there.bytes, there.bits) != 0) return;
  sched_setaffinity(0, before.bytes, before.bits);
}

int current_core() {
  return sched_getcpu();
}

}  // namespace striate::cpu
