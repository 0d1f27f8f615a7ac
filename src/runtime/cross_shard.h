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

/// The answer is sent from a later turn of `there`: by then this task has left its scope, which its
/// owner may destroy once the answer is there.
template <class T, class Make>
Task<void> run_and_post_back(Shard& home, Shard& there, Completion<T>& done, Make make) {
  T value = co_await make();
  there.executor().post([&home, &done, value = std::move(value)]() mutable {
    home.executor().post(
        [&done, value = std::move(value)]() mutable { done.complete(std::move(value)); });
  });
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
    there.spawn_always(
        detail::run_and_post_back<T, Make>(here, there.shard(), done, std::move(make)));
  });
  co_return co_await done;
}

}  // namespace partita
