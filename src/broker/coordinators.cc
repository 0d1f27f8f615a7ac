#include "broker/coordinators.h"

#include "broker/group_settings.h"
#include "broker/internal_topics.h"

namespace partita::broker {

using coordinators::GroupMachine;
using coordinators::GroupRelease;
using coordinators::Ticket;

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
          [](PartitionIndex) { return std::make_unique<GroupAnswers>(); }, log) {}

Coordinators::~Coordinators() = default;

Task<void> Coordinators::leave(const metadata::Image& image) {
  co_await groups_.leave(image);
}

void Coordinators::enter() {
  groups_.enter();
}

Task<void> Coordinators::stop() {
  co_await groups_.stop();
}

}  // namespace partita::broker
