#include "coordinators/group/topic_pattern.h"

#include <re2/re2.h>

namespace partita::coordinators {
namespace {

/// Of one compiled pattern; longer ones do not compile.
constexpr int64_t kPatternBytesMax = 1 << 20;

RE2::Options options() {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(kPatternBytesMax);
  return options;
}

}  // namespace

TopicPattern::TopicPattern(std::unique_ptr<re2::RE2> compiled) : compiled_(std::move(compiled)) {}
TopicPattern::~TopicPattern() = default;
TopicPattern::TopicPattern(TopicPattern&&) noexcept = default;
TopicPattern& TopicPattern::operator=(TopicPattern&&) noexcept = default;

Result<TopicPattern> TopicPattern::compile(std::string_view pattern) {
  auto compiled =
      std::make_unique<RE2>(re2::StringPiece(pattern.data(), pattern.size()), options());
  if (!compiled->ok()) {
    return fail(Errc::invalid_regular_expression,
                "SubscribedTopicRegex `" + std::string(pattern) +
                    "` is not a valid regular expression: " + compiled->error() + ".");
  }
  return TopicPattern(std::move(compiled));
}

bool TopicPattern::matches(std::string_view topic) const {
  return RE2::FullMatch(re2::StringPiece(topic.data(), topic.size()), *compiled_);
}

std::set<std::string> TopicPattern::matching(const metadata::Image& image) const {
  std::set<std::string> names;
  image.for_each_topic([&](const auto& topic) {
    if (matches(topic->name)) names.insert(topic->name);
  });
  return names;
}

}  // namespace partita::coordinators
