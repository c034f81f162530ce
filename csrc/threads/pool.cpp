#include "threads/pool.hpp"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "cpu/cores.hpp"

#ifndef _WIN32
#include <pthread.h>
#endif

namespace striate {
namespace {

// A worker spins this long before it sleeps: the layers of a network follow one another faster, and
// waking a sleeping thread takes about as long. Without a core for each thread nobody spins.
constexpr std::chrono::microseconds kSpin{50};

thread_local bool inside_region = false;

// Not a local static: a fork while another thread makes one leaves it half made in the child, where
// who asks for it waits for ever.
std::atomic<int> usable_cores{0};

std::chrono::microseconds spin_time(int team) {
  if (usable_cores == 0) usable_cores = cpu::detect_cores().usable();
  return team <= usable_cores ? kSpin : std::chrono::microseconds::zero();
}

// Thread t of T takes tasks first(t) .. first(t + 1) - 1; no product that could overflow.
int64_t first_task(int64_t tasks, int team, int thread) {
  return tasks / team * thread + std::min<int64_t>(tasks % team, thread);
}

void run_share(int64_t tasks, int team, int thread, BodyRef body) {
  struct Inside {
    bool before = inside_region;
    Inside() { inside_region = true; }
    ~Inside() { inside_region = before; }
  } inside;
  body(first_task(tasks, team, thread), first_task(tasks, team, thread + 1), thread);
}

int checked(int64_t threads, const std::string& given) {
  if (threads < 1 || threads > kMaxThreads) {
    throw std::invalid_argument(given + " must be a whole number of threads from 1 to " +
                                std::to_string(kMaxThreads) + ".");
  }
  return static_cast<int>(threads);
}

int default_threads() {
  const char* text = std::getenv("STRIATE_NUM_THREADS");
  if (text == nullptr || *text == '\0') {
    return std::min(cpu::detect_cores().usable(), kMaxThreads);
  }
  char* end = nullptr;
  const long long threads = std::strtoll(text, &end, 10);
  return checked(*end == '\0' ? threads : 0, "STRIATE_NUM_THREADS='" + std::string(text) + "'");
}

// The pool is never destroyed: threads that still run when the process ends need it. A fork waits
// for the region that runs, so that nothing of it is half done in the child, and the child leaves
// its copy, whose workers did not come along, for a new one of the same size.
std::atomic<Pool*> the_pool{new Pool};

#ifndef _WIN32
[[maybe_unused]] const int forks_are_told =
    pthread_atfork([] { the_pool.load()->pause(); }, [] { the_pool.load()->go_on(); },
                   [] { the_pool = new Pool(*the_pool.load()); });
#endif

Pool& pool() {
  return *the_pool.load();
}

}  // namespace

int Pool::threads() {
  int unset = 0;
  if (threads_ == unset) threads_.compare_exchange_strong(unset, default_threads());
  return threads_;
}

void Pool::resize(int threads) {
  const std::lock_guard<std::mutex> turn(turn_);
  threads_ = threads;
  if (static_cast<int>(workers_.size()) > threads - 1) stop_workers();
}

void Pool::run(int64_t tasks, int most_threads, BodyRef body) {
  const std::lock_guard<std::mutex> turn(turn_);
  const int team = static_cast<int>(std::min<int64_t>(most_threads, tasks));
  start_workers(team - 1);
  const Region region{tasks, team, body};
  hand_out(region, true);
  join(region, run_own_share(region));
}

bool Pool::offer(int team, bool wake, BodyRef body) {
  const std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
  if (!turn.owns_lock()) return false;
  start_workers(team - 1);
  const Region region{team, team, body};
  hand_out(region, wake || Signal::Clock::now() - ended_ < spin_time(team));
  std::exception_ptr thrown = run_own_share(region);
  for (int i = 0; i < team - 1; ++i) {
    if (workers_[i]->state.replace_if(kOffered, kIdle)) running_.add(-1);
  }
  join(region, thrown);
  ended_ = Signal::Clock::now();
  return true;
}

void Pool::hand_out(const Region& region, bool wake) {
  running_.set(region.team - 1);
  for (int i = 0; i < region.team - 1; ++i) {
    Worker& worker = *workers_[i];
    worker.region = &region;
    if (wake || !worker.state.sleeping()) {
      worker.state.replace(kOffered);
    } else {
      running_.add(-1);
    }
  }
}

std::exception_ptr Pool::run_own_share(const Region& region) {
  try {
    run_share(region.tasks, region.team, 0, region.body);
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

void Pool::join(const Region& region, std::exception_ptr thrown) {
  running_.await([](int64_t running) { return running == 0; }, spin_time(region.team));
  for (int i = 0; i < region.team - 1; ++i) {
    std::exception_ptr theirs = std::exchange(workers_[i]->thrown, nullptr);
    if (!thrown) thrown = theirs;
  }
  if (thrown) std::rethrow_exception(thrown);
}

void Pool::start_workers(int count) {
  if (static_cast<int>(workers_.size()) >= count) return;
  const std::vector<int> cores = cpu::detect_cores().order;
  const auto here = std::find(cores.begin(), cores.end(), cpu::current_core()) - cores.begin();
  while (static_cast<int>(workers_.size()) < count) {
    auto worker = std::make_unique<Worker>();
    const int thread = static_cast<int>(workers_.size()) + 1;
    const int core = cores[(here + thread) % cores.size()];
    try {
      worker->thread = std::thread(&Pool::work, this, std::ref(*worker), thread, core);
    } catch (const std::system_error& error) {
      throw std::runtime_error("thread " + std::to_string(thread + 1) + " of " +
                               std::to_string(count + 1) + " cannot be started (" + error.what() +
                               "). Set STRIATE_NUM_THREADS to a smaller number.");
    }
    workers_.push_back(std::move(worker));
  }
}

void Pool::stop_workers() {
  for (const auto& worker : workers_) {
    worker->state.replace(kStop);
    worker->thread.join();
  }
  workers_.clear();
}

void Pool::work(Worker& self, int thread, int core) {
  // New threads start on their parent's core, and it can take the system milliseconds to part them.
  cpu::place_thread(core);
  const auto called = [](int64_t state) { return state == kOffered || state == kStop; };
  for (;;) {
    self.state.await(called, spin_time(threads_));
    if (self.state.value() == kStop) return;
    if (!self.state.replace_if(kOffered, kAtWork)) continue;  // taken back
    const Region& region = *self.region;
    try {
      run_share(region.tasks, region.team, thread, region.body);
    } catch (...) {
      self.thrown = std::current_exception();
    }
    self.state.set(kIdle);
    running_.add(-1);
  }
}

int num_threads() {
  return pool().threads();
}

void set_num_threads(int64_t threads) {
  const int count = checked(threads, "num_threads=" + std::to_string(threads));
  assert(!inside_region);  // it would wait for its own region to end
  pool().resize(count);
}

void parallel_for(int64_t tasks, BodyRef body) {
  if (tasks <= 0) return;
  if (inside_region || tasks == 1 || num_threads() == 1) return body(0, tasks, 0);
  pool().run(tasks, num_threads(), body);
}

void offer_team(int team, bool wake, BodyRef body) {
  if (team > 1 && !inside_region && pool().offer(team, wake, body)) return;
  run_share(1, 1, 0, body);
}

}  // namespace striate
