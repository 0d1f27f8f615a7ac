// DescribeConfigs: topics with every config in effect and where it comes from; brokers with their
// settings.

#include <algorithm>

#include "broker/handlers/group_reports.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/topic_names.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/describe_configs.h"

namespace partita::broker {
namespace {

using ResourceView = wire::DescribeConfigsRequestView::DescribeConfigsResource;
using ResultOf = wire::DescribeConfigsResponse::DescribeConfigsResult;
using ConfigResult = wire::DescribeConfigsResponse::DescribeConfigsResourceResult;

constexpr int8_t kTopic = static_cast<int8_t>(metadata::ConfigResourceType::topic);
constexpr int8_t kBroker = static_cast<int8_t>(metadata::ConfigResourceType::broker);
constexpr int8_t kGroup = static_cast<int8_t>(metadata::ConfigResourceType::group);

struct Wanted {
  const ResourceView& resource;
  bool synonyms = false;
  bool documentation = false;
  bool says_default = false;  ///< version 0, which knows no sources

  bool has(std::string_view name) const {
    if (!resource.configuration_keys) return true;
    return std::ranges::any_of(*resource.configuration_keys,
                               [name](std::string_view key) { return key == name; });
  }
};

void refuse(ResultOf& out, Errc code, std::string words) {
  out.error_code = wire::error_code(code);
  out.error_message = std::move(words);
}

ConfigResult config_result(const Wanted& wanted, std::string_view name,
                           const metadata::EffectiveConfig& effective, metadata::ConfigType type,
                           std::string_view documentation) {
  ConfigResult out;
  out.name = name;
  out.value = effective.value;
  out.config_source = static_cast<int8_t>(effective.source);
  if (wanted.says_default) out.is_default = effective.source == metadata::ConfigSource::defaults;
  out.config_type = static_cast<int8_t>(type);
  if (wanted.documentation) out.documentation = std::string(documentation);
  if (!wanted.synonyms) return out;
  for (const metadata::ConfigSynonym& synonym : effective.synonyms) {
    out.synonyms.push_back({.name = synonym.name,
                            .value = synonym.value,
                            .source = static_cast<int8_t>(synonym.source)});
  }
  return out;
}

void describe_topic(const HandlerContext& context, const Wanted& wanted, ResultOf& out) {
  const std::string topic(wanted.resource.resource_name);
  if (!is_legal_topic_name(topic)) {
    return refuse(out, Errc::invalid_topic_exception, "The topic name is not legal.");
  }
  const metadata::Image& image = *context.here.image();
  if (image.topic(topic) == nullptr) {
    return refuse(out, Errc::unknown_topic_or_partition,
                  "This server does not host this topic-partition.");
  }
  for (const metadata::TopicConfigRow& row : metadata::topic_config_rows()) {
    if (row.hidden || !wanted.has(row.name)) continue;
    out.configs.push_back(config_result(
        wanted, row.name, effective_config(image, topic, row, context.services.settings), row.type,
        row.documentation));
  }
}

metadata::ConfigType type_of(SettingType type) {
  switch (type) {
    case SettingType::boolean: return metadata::ConfigType::boolean;
    case SettingType::int32: return metadata::ConfigType::int32;
    case SettingType::int64:
    case SettingType::milliseconds: return metadata::ConfigType::int64;
    case SettingType::text: return metadata::ConfigType::string;
    case SettingType::list: return metadata::ConfigType::list;
  }
  return metadata::ConfigType::string;
}

metadata::EffectiveConfig effective_setting(const HandlerContext& context, const SettingRow& row,
                                            const std::string& node) {
  const metadata::Image& image = *context.here.image();
  const Settings& settings = context.services.settings;
  const std::string name(row.name);
  metadata::EffectiveConfig out;
  const auto add = [&](std::string value, metadata::ConfigSource source) {
    if (out.synonyms.empty()) {
      out.value = value;
      out.source = source;
    }
    out.synonyms.push_back({name, std::move(value), source});
  };
  const auto add_dynamic = [&](const std::string& resource, metadata::ConfigSource source) {
    const metadata::Configs& configs =
        image.configs({metadata::ConfigResourceType::broker, resource});
    if (const auto found = configs.find(name); found != configs.end()) add(found->second, source);
  };
  if (!node.empty()) add_dynamic(node, metadata::ConfigSource::dynamic_broker);
  add_dynamic("", metadata::ConfigSource::dynamic_default_broker);
  if (node.empty()) return out;
  if (const auto given = settings.given.find(name); given != settings.given.end()) {
    add(given->second.value, metadata::ConfigSource::static_broker);
  }
  add(std::string(row.default_value), metadata::ConfigSource::defaults);
  return out;
}

void describe_broker(const HandlerContext& context, const Wanted& wanted, ResultOf& out) {
  const std::string node(wanted.resource.resource_name);
  if (!node.empty() && node != std::to_string(context.here.self().value())) {
    return refuse(out, Errc::invalid_request,
                  fmt::format("Unexpected broker id, expected {} or empty string, but received {}",
                              context.here.self().value(), node));
  }
  for (const SettingRow& row : setting_rows()) {
    if (!wanted.has(row.name)) continue;
    const metadata::EffectiveConfig effective = effective_setting(context, row, node);
    if (effective.synonyms.empty()) continue;
    ConfigResult one = config_result(wanted, row.name, effective, type_of(row.type), row.words);
    one.read_only = true;
    out.configs.push_back(std::move(one));
  }
}

/// Of what a group's members do: reports that are asked for by their names.
Task<void> report_on_group(HandlerContext& context, const Wanted& wanted, ResultOf& out) {
  if (!wanted.resource.configuration_keys) co_return;
  for (const std::string_view key : *wanted.resource.configuration_keys) {
    if (!is_group_report(key)) continue;
    auto report = co_await group_report(context, wanted.resource.resource_name, key);
    if (!report) {
      refuse(out, report.error().code, std::move(report.error().detail));
      co_return;
    }
    ConfigResult& entry = out.configs.emplace_back();
    entry.name = key;
    entry.value = *std::move(report);
    entry.read_only = true;
    entry.config_source = static_cast<int8_t>(metadata::ConfigSource::defaults);
    entry.config_type = static_cast<int8_t>(metadata::ConfigType::string);
  }
}

}  // namespace

Task<rpc::Response> handle_describe_configs(HandlerContext& context, rpc::Request request) {
  const auto body = wire::DescribeConfigsRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::DescribeConfigsResponse response;
  for (const ResourceView& resource : body->resources) {
    ResultOf& out = response.results.emplace_back();
    out.resource_type = resource.resource_type;
    out.resource_name = resource.resource_name;
    const Wanted wanted{resource, body->include_synonyms, body->include_documentation,
                        request.version == 0};
    if (resource.resource_type == kTopic) {
      describe_topic(context, wanted, out);
    } else if (resource.resource_type == kBroker) {
      describe_broker(context, wanted, out);
    } else if (resource.resource_type == kGroup) {
      co_await report_on_group(context, wanted, out);
    } else {
      refuse(out, Errc::invalid_request,
             fmt::format("Resource type {} is not served", resource.resource_type));
    }
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
