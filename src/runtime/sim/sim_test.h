#pragma once
// SimTest: the fixture of unit tests that need one shard with a simulated disk: a world of one
// node.
//
//     TEST_F(SegmentTest, AppendsAreRead) {
//       ASSERT_TRUE(run(log.append(...)));      // runs one task to its end under virtual time
//     }
//
// Another seed runs the same test in another order: construct the fixture's worlds by hand for
// that.

#include <gtest/gtest.h>

#include "runtime/sim/world.h"

namespace partita::runtime::sim {

class SimTest : public testing::Test {
 protected:
  explicit SimTest(uint64_t seed = 1, SimNodeOptions options = {})
      : world_(seed), node_(world_.add_node(std::move(options))) {}

  SimWorld& world() { return world_; }
  SimNode& node() { return node_; }
  SimDisk& sim_disk() { return node_.disk(); }
  Shard& shard() { return node_.shard(); }
  Executor& executor() { return shard().executor(); }
  Disk& disk() { return shard().disk(); }

  template <class T>
  T run(Task<T> task) {
    return world_.run(shard(), std::move(task));
  }
  /// The crash and the restart in one; whatever lived on the old shard must be gone or inert
  /// (sim_node.h).
  void power_cycle() {
    node_.crash(CrashMode::power_cut);
    node_.restart();
  }

 private:
  SimWorld world_;
  SimNode& node_;
};

}  // namespace partita::runtime::sim
