#include "broker/coordinators.h"

#include "broker/group_settings.h"
#include "broker/internal_topics.h"
#include "broker/transaction_settings.h"

namespace partita::broker {

using coordinators::GroupMachine;
using coordinators::GroupRelease;
using coordinators::Ticket;
using coordinators::TransactionMachine;

void GroupAnswers::expect(Ticket ticket, Answer answer) {
  owed_[ticket] = std::move(answer);
}

void GroupAnswers::answer(Ticket ticket, Result<GroupRelease> what) {
  auto owed = owed_.extract(ticket);
  if (!owed.empty()) owed.mapped()(std::move(what));
}

void GroupAnswers::released(GroupRelease release) {
  const Ticket ticket = std::visit([](const auto& one) { return one.ticket; }, release);
  answer(ticket, std::move(release));
}

void GroupAnswers::refused(GroupRelease release, const Error& why) {
  answer(std::visit([](const auto& one) { return one.ticket; }, release), std::unexpected(why));
}

void GroupAnswers::forgotten(const Error& why) {
  for (auto& [ticket, answer] : std::exchange(owed_, {})) answer(std::unexpected(why));
}

class Coordinators::Ids final : public coordinators::IdSource {
 public:
  explicit Ids(Random& random) : random_(random) {}
  Uuid next() override { return random_.uuid(); }

 private:
  Random& random_;
};

Coordinators::Coordinators(BrokerShard& shard, Services& services, Log log)
    : shard_(shard),
      group_settings_(group_settings(services.settings)),
      ids_(std::make_unique<Ids>(shard.shard().random())),
      groups_(
          shard, kOffsetsTopic,
          [this, log](PartitionIndex, LeaderEpoch) {
            return std::make_unique<GroupMachine>(group_settings_, *ids_, log);
          },
          [](PartitionIndex) { return std::make_unique<GroupAnswers>(); }, log),
      transaction_settings_(transaction_settings(services.settings)),
      transactions_(
          shard, kTransactionsTopic,
          [this, log](PartitionIndex, LeaderEpoch led_in) {
            return std::make_unique<TransactionMachine>(transaction_settings_, log, led_in);
          },
          [this, &services, log](PartitionIndex partition) {
            return std::make_unique<TransactionMarkers>(HandlerContext{shard_, services, log},
                                                        markers_coordinator(partition));
          },
          log) {}

Coordinators::~Coordinators() = default;

template <class Decide>
Task<Result<bool>> Coordinators::decide_of(PartitionIndex partition, Decide decide) {
  const auto hosted = transactions_.all().find(partition);
  if (hosted == transactions_.all().end()) co_return fail(Errc::not_coordinator);
  co_return co_await hosted->second.coordinator->decide(decide);
}

TransactionMarkers::Coordinator Coordinators::markers_coordinator(PartitionIndex partition) {
  using Effects = TransactionMachine::Effects;
  return {.confirm =
              [this, partition] {
                return decide_of(partition, [](TransactionMachine&, coordinators::Now, Effects&) {
                  return true;
                });
              },
          .complete =
              [this, partition](uint64_t order) {
                return decide_of(partition, [order](TransactionMachine& machine,
                                                    coordinators::Now now, Effects& out) {
                  machine.markers_written(order, now, out);
                  return true;
                });
              }};
}

Task<void> Coordinators::leave(const metadata::Image& image) {
  co_await groups_.leave(image);
  co_await transactions_.leave(image);
}

void Coordinators::enter() {
  groups_.enter();
  transactions_.enter();
}

Task<void> Coordinators::stop() {
  // Markers go through the groups' coordinators.
  co_await transactions_.stop();
  co_await groups_.stop();
}

}  // namespace partita::broker
