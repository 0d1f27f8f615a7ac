#pragma once
// Work on another shard, awaited from this one. What crosses is moved or immutable. The count of
// calls under way is bounded by the requests that connections may hold (DESIGN decision 7), not
// here.

#include <optional>
#include <type_traits>
#include <utility>

#include "runtime/completion.h"
#include "runtime/scope.h"
#include "runtime/shard.h"

namespace partita {

namespace detail {

template <class T>
struct TaskValue;
template <class T>
struct TaskValue<Task<T>> {
  using type = T;
};

template <class T, class Make>
Task<void> run_and_post_back(Shard& home, Completion<T>& done, Make make) {
  T value = co_await make();
  home.executor().post(
      [&done, value = std::move(value)]() mutable { done.complete(std::move(value)); });
}

}  // namespace detail

/// Runs make() on the shard of `there` as a task of that scope and answers its result here; on the
/// same shard without a hop. The task is started even where the scope is closed, so that an answer
/// always comes: its own waits return stopped. REQUIRED: `there` outlives the call; `make` and its
/// result may move between threads.
template <class Make, class T = typename detail::TaskValue<std::invoke_result_t<Make&>>::type>
Task<T> call_on(Shard& here, Scope& there, Make make) {
  if (&there.shard() == &here) co_return co_await make();
  Completion<T> done(here.executor());
  there.shard().executor().post([&here, &there, &done, make = std::move(make)]() mutable {
    there.spawn_always(detail::run_and_post_back<T, Make>(here, done, std::move(make)));
  });
  co_return co_await done;
}

/// Returns when all that ran on `there` at the call has come to its next suspension: afterwards the
/// scope of a call_on() that has answered may be destroyed.
inline Task<void> settle(Shard& here, Shard& there) {
  if (&here == &there) co_return;
  Completion<bool> done(here.executor());
  there.executor().post([&here, &done] { here.executor().post([&done] { done.complete(true); }); });
  co_await done;
}

}  // namespace partita
