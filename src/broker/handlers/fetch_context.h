#pragma once
// Which partitions a fetch request is about: those it names, or those its session remembers, with
// what the request changes of them (KIP-227). While it lives no other fetch uses the session.

#include <list>
#include <memory>

#include "broker/fetch_session.h"
#include "wire/messages/fetch.h"

namespace partita::broker {

class FetchContext {
 public:
  /// More partitions than this in one request are refused: their state would outgrow the frame.
  static constexpr size_t kPartitionsMax = 100'000;

  FetchContext() = default;
  FetchContext(FetchContext&&) = default;
  ~FetchContext() {
    if (session_) session_->end_use();
  }

  static Result<FetchContext> open(FetchSessionCache& cache, const wire::FetchRequestView& request,
                                   int16_t version, Instant now);

  /// In the order in which they are to be served.
  std::list<FetchPartition>& partitions() { return session_ ? session_->partitions() : own_; }
  /// For the response: 0 without a session.
  int32_t session_id() const { return session_ ? session_->id() : 0; }
  /// Partitions without news are left out of the response.
  bool incremental() const { return incremental_; }
  /// `at`'s data is being sent.
  void move_to_back(std::list<FetchPartition>::iterator at) {
    if (session_) session_->move_to_back(at);
  }

 private:
  Result<> use(std::shared_ptr<FetchSession> session);
  Result<> take(const wire::FetchRequestView& request);

  std::shared_ptr<FetchSession> session_;
  std::list<FetchPartition> own_;
  bool incremental_ = false;
};

}  // namespace partita::broker
