#include "coordinators/coordinator_partition.h"

#include <gtest/gtest.h>

#include <map>

#include "storage/log_fixture_test.h"

namespace partita::coordinators {
namespace {

using storage::LogWorld;

/// A machine that adds numbers under names, with a promise that falls due.
struct Promise {
  std::string name;
  int64_t total = 0;
};

class SumMachine final : public StateMachine<Promise> {
 public:
  Result<> replay(const ReplayedRecord& record) override {
    if (as_text(record.key) == "poison") return fail(Errc::malformed, "poison");
    sums_[std::string(as_text(record.key))] =
        std::stoll(std::string(as_text(record.value.value_or(as_bytes("0")))));
    return {};
  }
  void replay(const ReplayedMarker&) override {}
  void loaded(Now, Effects&) override { loaded_ = true; }
  Instant next_deadline() const override { return deadline_; }
  void tick(Now now, Effects& out) override {
    if (now.instant < deadline_) return;
    deadline_ = kNoDeadline;
    out.releases.push_back({"due", 0});
  }
  void image_changed(std::shared_ptr<const metadata::Image>, Now, Effects&) override {}

  int64_t add(const std::string& name, int64_t what, Effects& out) {
    sums_[name] += what;
    out.records.push_back(
        {.key = Bytes::copy_of(name), .value = Bytes::copy_of(std::to_string(sums_[name]))});
    out.releases.push_back({name, sums_[name]});
    return sums_[name];
  }
  int64_t sum(const std::string& name) const {
    const auto found = sums_.find(name);
    return found == sums_.end() ? 0 : found->second;
  }
  void promise_at(Instant when) { deadline_ = when; }
  bool is_loaded() const { return loaded_; }

 private:
  std::map<std::string, int64_t> sums_;
  Instant deadline_ = kNoDeadline;
  bool loaded_ = false;
};

struct Sink final : ReleaseSink<Promise> {
  void released(Promise release) override {
    seen.push_back(release.name);
    committed_at_release.push_back(partition->high_watermark());
  }
  void refused(Promise release, const Error&) override { lost.push_back(release.name); }
  void forgotten(const Error&) override { forgets++; }

  replication::Partition* partition = nullptr;
  std::vector<std::string> seen;
  std::vector<Offset> committed_at_release;
  std::vector<std::string> lost;
  int forgets = 0;
};

class CoordinatorPartitionTest : public testing::Test {
 protected:
  using Coordinator = CoordinatorPartition<SumMachine>;

  CoordinatorPartitionTest() {
    CHECK(world_.start());
    begin();
  }
  ~CoordinatorPartitionTest() override { end(); }

  void begin() {
    partition_ = std::make_unique<replication::Partition>(
        world_.scope(), world_.log(), codecs_, replication::PartitionSettings{.self = NodeId(1)});
    partition_->lead({.leader_epoch = LeaderEpoch(epoch_++),
                      .partition_epoch = PartitionEpoch(epoch_),
                      .replicas = {NodeId(1)},
                      .isr = {NodeId(1)}});
    world_.scope().spawn(partition_->start());
    sink_ = std::make_unique<Sink>();
    sink_->partition = partition_.get();
    coordinator_ = std::make_unique<Coordinator>(
        world_.shard(), *partition_, LeaderEpoch(0), [] { return std::make_unique<SumMachine>(); },
        *sink_, Log(null_log_sink(), "test"));
    coordinator_->start(metadata::Image::empty());
  }
  void end() {
    world_.run(coordinator_->stop());
    coordinator_.reset();
    partition_->retire();
    world_.run(partition_->released());
    partition_.reset();
  }

  Result<int64_t> add(std::string name, int64_t what) {
    return world_.run(coordinator_->decide([&](SumMachine& machine, Now, SumMachine::Effects& out) {
      return machine.add(name, what, out);
    }));
  }
  Result<int64_t> sum(std::string name) {
    return world_.run(coordinator_->decide(
        [&](SumMachine& machine, Now, SumMachine::Effects&) { return machine.sum(name); }));
  }

  LogWorld world_;
  replication::Codecs codecs_;
  int32_t epoch_ = 0;
  std::unique_ptr<replication::Partition> partition_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<Coordinator> coordinator_;
};

TEST_F(CoordinatorPartitionTest, StateIsReadBackFromTheLog) {
  EXPECT_EQ(add("a", 3), 3);
  EXPECT_EQ(add("b", 5), 5);
  EXPECT_EQ(add("a", 4), 7);
  end();
  begin();
  EXPECT_EQ(sum("a"), 7);
  EXPECT_EQ(sum("b"), 5);
}

TEST_F(CoordinatorPartitionTest, ARecordThatMakesNoSenseIsLeftOut) {
  EXPECT_EQ(add("a", 3), 3);
  EXPECT_EQ(add("poison", 1), 1);
  EXPECT_EQ(add("a", 1), 4);
  end();
  begin();
  EXPECT_EQ(sum("a"), 4);
  EXPECT_EQ(sum("poison"), 0);
}

TEST_F(CoordinatorPartitionTest, NothingLeavesBeforeItIsCommitted) {
  ASSERT_EQ(add("first", 1), 1);
  world_.disk().faults().sync = {.least = 50ms, .most = 50ms};
  Scope scope(world_.shard());
  std::map<std::string, Offset> committed;
  const auto note = [&](std::string what, auto task) {
    return [](replication::Partition& partition, std::map<std::string, Offset>& out,
              std::string name, decltype(task) work) -> Task<void> {
      CHECK((co_await std::move(work)).has_value());
      out[name] = partition.high_watermark();
    }(*partition_, committed, what, std::move(task));
  };
  scope.spawn(note("write", coordinator_->decide([](SumMachine& m, Now, SumMachine::Effects& out) {
    return m.add("a", 3, out);
  })));
  // Sees what the write did, so it must not answer before the write is committed.
  scope.spawn(note("read", coordinator_->decide([](SumMachine& m, Now, SumMachine::Effects&) {
    CHECK(m.sum("a") == 3);
    return m.sum("a");
  })));
  EXPECT_TRUE(committed.empty());
  EXPECT_EQ(sink_->seen.size(), 1u);
  world_.run(scope.join());
  EXPECT_EQ(committed, (std::map<std::string, Offset>{{"write", Offset(2)}, {"read", Offset(2)}}));
  EXPECT_EQ(sink_->seen, (std::vector<std::string>{"first", "a"}));
  for (size_t i = 0; i < sink_->seen.size(); i++) {
    EXPECT_GE(sink_->committed_at_release[i], Offset(static_cast<int64_t>(i) + 1));
  }
}

TEST_F(CoordinatorPartitionTest, AFailedAppendIsForgotten) {
  ASSERT_EQ(add("a", 3), 3);
  world_.disk().plan({.call = runtime::sim::DiskCall::write,
                      .fault = runtime::sim::DiskFault::no_space,
                      .path = "orders-0"});
  const auto refused = add("a", 4);
  ASSERT_FALSE(refused);
  EXPECT_EQ(sink_->lost, std::vector<std::string>{"a"});
  EXPECT_EQ(sink_->forgets, 1);
  EXPECT_EQ(sum("a"), 3);
  EXPECT_EQ(add("a", 1), 4);
}

TEST_F(CoordinatorPartitionTest, TheMachineIsCalledWhenItWantsTo) {
  ASSERT_EQ(add("a", 1), 1);
  const Instant when = world_.shard().now() + 10s;
  ASSERT_TRUE(world_.run(coordinator_->decide([when](SumMachine& m, Now, SumMachine::Effects&) {
    m.promise_at(when);
    return true;
  })));
  Scope scope(world_.shard());
  ASSERT_TRUE(world_.run(sleep_until(scope, when - 1ms)));
  EXPECT_EQ(sink_->seen, std::vector<std::string>{"a"});
  ASSERT_TRUE(world_.run(sleep_until(scope, when + 1ms)));
  EXPECT_EQ(sink_->seen, (std::vector<std::string>{"a", "due"}));
}

TEST_F(CoordinatorPartitionTest, AfterTheEndNobodyIsAnswered) {
  ASSERT_EQ(add("a", 1), 1);
  world_.run(coordinator_->stop());
  const auto late = add("a", 1);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::not_coordinator);
  EXPECT_EQ(sink_->forgets, 1);
}

}  // namespace
}  // namespace partita::coordinators
