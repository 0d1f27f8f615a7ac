#include "runtime/linux/world.h"

#include <csignal>
#include <thread>

#include "base/check.h"
#include "runtime/linux/linux_disk.h"
#include "runtime/linux/linux_net.h"
#include "runtime/linux/linux_random.h"

namespace partita {

class LinuxShard {
 public:
  LinuxShard(ShardId id, LinuxClock& clock, HelperPool& helpers)
      : loop_(clock),
        disk_(loop_, helpers),
        net_(loop_, helpers),
        shard_(id, loop_, loop_.timers(), clock, disk_, net_, random_) {}

  Loop& loop() { return loop_; }
  Shard& shard() { return shard_; }

 private:
  Loop loop_;
  LinuxDisk disk_;
  LinuxNet net_;
  LinuxRandom random_;
  Shard shard_;
};

LinuxWorld::LinuxWorld(Settings settings)
    : helpers_(std::make_unique<HelperPool>(settings.helper_threads_max)) {
  CHECK(settings.shards > 0);
  for (uint32_t i = 0; i < settings.shards; i++) {
    shards_.push_back(std::make_unique<LinuxShard>(ShardId(i), clock_, *helpers_));
  }
}

LinuxWorld::~LinuxWorld() {
  // The helpers finish what was submitted and post to the loops, which must be there still.
  helpers_.reset();
}

Shard& LinuxWorld::shard(size_t index) {
  CHECK(index < shards_.size());
  return shards_[index]->shard();
}

Loop& LinuxWorld::loop(size_t index) {
  CHECK(index < shards_.size());
  return shards_[index]->loop();
}

Task<void> LinuxWorld::stop_after(Task<void> main, Loop& loop) {
  co_await std::move(main);
  loop.stop();
}

void LinuxWorld::run_main(Task<void> main) {
  std::vector<std::thread> threads;
  // Signals are for the thread of this shard, which takes them when it wants to (StopSignals);
  // another that had them unblocked would die of them.
  sigset_t all, before;
  sigfillset(&all);
  CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
  for (size_t i = 1; i < shards_.size(); i++) {
    threads.emplace_back([&loop = loop(i)] { loop.run(); });
  }
  CHECK(pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
  Scope scope(shard(0));
  scope.spawn(stop_after(std::move(main), loop(0)));
  loop(0).run();
  for (size_t i = 1; i < shards_.size(); i++) loop(i).stop();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace partita
