#pragma once
// The conformance suite: what every world behind the seams must do, in the words of the seams'
// headers. Each test is a coroutine that runs in every world; a world is a ConformanceWorld and one
// row of conformance_worlds().

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/linux/world.h"
#include "runtime/sim/world.h"

namespace partita {

/// A world of two shards with an empty directory.
class ConformanceWorld {
 public:
  virtual ~ConformanceWorld() = default;
  virtual Shard& shard(uint32_t index) = 0;
  /// Runs `main` on shard 0 to its end.
  virtual void run(Task<void> main) = 0;
  virtual std::string directory() = 0;

  std::string path(std::string_view name) { return join_path(directory(), name); }
};

class ConformanceSim final : public ConformanceWorld {
 public:
  explicit ConformanceSim(uint64_t seed) : world_(seed), node_(world_.add_node({.shards = 2})) {
    CHECK(node_.shard().disk().make_directory("/data").has_value());
  }
  Shard& shard(uint32_t index) override { return node_.shard(index); }
  void run(Task<void> main) override { world_.run(node_.shard(), std::move(main)); }
  std::string directory() override { return "/data"; }

 private:
  runtime::sim::SimWorld world_;
  runtime::sim::SimNode& node_;
};

class ConformanceLinux final : public ConformanceWorld {
 public:
  ConformanceLinux() : world_({.shards = 2}) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "partita_conformance_XXXXXX").string();
    CHECK(mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
  }
  ~ConformanceLinux() override { std::filesystem::remove_all(directory_); }
  Shard& shard(uint32_t index) override { return world_.shard(index); }
  void run(Task<void> main) override { world_.run(std::move(main)); }
  std::string directory() override { return directory_; }

 private:
  LinuxWorld world_;
  std::string directory_;
};

struct WorldMaker {
  std::string name;
  std::function<std::unique_ptr<ConformanceWorld>()> make;
};

/// The simulated world under several seeds, and the real one.
inline std::vector<WorldMaker> conformance_worlds() {
  std::vector<WorldMaker> worlds = {{"linux", [] { return std::make_unique<ConformanceLinux>(); }}};
  for (uint64_t seed = 1; seed <= 5; seed++) {
    worlds.push_back(
        {"sim" + std::to_string(seed), [seed] { return std::make_unique<ConformanceSim>(seed); }});
  }
  return worlds;
}

class ConformanceTest : public testing::TestWithParam<WorldMaker> {
 protected:
  using Body = Task<void> (*)(ConformanceWorld&);
  /// Runs the coroutine in the world of the parameter.
  void check(Body body) {
    const std::unique_ptr<ConformanceWorld> world = GetParam().make();
    world->run(body(*world));
  }
};

inline std::string world_name(const testing::TestParamInfo<WorldMaker>& info) {
  return info.param.name;
}

/// The error of a result, or none.
template <class T>
std::optional<Errc> error_of(const Result<T>& result) {
  if (result) return std::nullopt;
  return result.error().code;
}

}  // namespace partita

/// ASSERT_TRUE for coroutines.
#define CO_ASSERT(...)                      \
  do {                                      \
    if (!(__VA_ARGS__)) {                   \
      ADD_FAILURE() << "not " #__VA_ARGS__; \
      co_return;                            \
    }                                       \
  } while (false)
