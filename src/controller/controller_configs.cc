// IncrementalAlterConfigs and AlterConfigs.

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/check.h"
#include "controller/controller_machine.h"
#include "metadata/topic_name.h"
#include "wire/error_code.h"

namespace partita::controller {

using metadata::ConfigResource;
using metadata::ConfigResourceType;
using metadata::Configs;

namespace {

constexpr const char* kMinInsync = "min.insync.replicas";

enum class Operation : int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

metadata::Record config_record(const ConfigResource& resource, const std::string& name,
                               std::optional<std::string> value) {
  return {wire::ConfigRecord{.resource_type = static_cast<int8_t>(resource.type),
                             .resource_name = resource.name,
                             .name = name,
                             .value = std::move(value)},
          0};
}

const wire::ConfigRecord& as_config(const metadata::Record& record) {
  return std::get<wire::ConfigRecord>(record.value);
}

/// What is wrong with the request's own form, whatever the cluster has.
template <class ConfigList, class MayBeNull>
Result<> check_form(const ConfigList& configs, MayBeNull may_be_null) {
  std::set<std::string> names;
  std::vector<std::string> nulls;
  for (const auto& config : configs) {
    if (!names.insert(config.name).second)
      return fail(Errc::invalid_request, "Error due to duplicate config keys");
    if (!config.value && !may_be_null(config)) nulls.push_back(config.name);
  }
  if (nulls.empty()) return {};
  return fail(Errc::invalid_request,
              fmt::format("Null value not supported for : {}", fmt::join(nulls, ", ")));
}

Result<> check_broker_name(const std::string& name) {
  if (name.empty()) return {};
  int32_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc() || end != name.data() + name.size()) {
    return fail(Errc::invalid_request, "Unable to parse broker name as a base 10 number.");
  }
  if (id < 0) return fail(Errc::invalid_request, "Invalid negative broker ID.");
  return {};
}

bool is_list(const ConfigResource& resource, const std::string& name) {
  if (resource.type == ConfigResourceType::topic) {
    const auto* row = metadata::find_topic_config(name);
    return row != nullptr && row->type == metadata::ConfigType::list;
  }
  return resource.type == ConfigResourceType::broker && name == "log.cleanup.policy";
}

/// The list that APPEND and SUBTRACT start from: the value set, else the default.
std::vector<std::string> list_before(const ConfigResource& resource, const Configs& before,
                                     const std::string& name) {
  if (const auto at = before.find(name); at != before.end())
    return metadata::split_list(at->second);
  const auto* row = resource.type == ConfigResourceType::topic
                        ? metadata::find_topic_config(name)
                        : metadata::find_topic_config("cleanup.policy");
  return row == nullptr ? std::vector<std::string>() : metadata::split_list(row->default_value);
}

std::string changed_list(std::vector<std::string> list, const std::string& value, bool append) {
  for (const std::string& part : metadata::split_list(value)) {
    const auto at = std::ranges::find(list, part);
    if (append && at == list.end()) list.push_back(part);
    if (!append && at != list.end()) list.erase(at);
  }
  return fmt::format("{}", fmt::join(list, ","));
}

Result<std::optional<std::string>> value_after(
    const ConfigResource& resource, const Configs& before,
    const wire::IncrementalAlterConfigsRequest::AlterableConfig& config) {
  switch (static_cast<Operation>(config.config_operation)) {
    case Operation::set: return config.value;
    case Operation::remove: return std::nullopt;
    case Operation::append:
    case Operation::subtract: {
      const bool append = static_cast<Operation>(config.config_operation) == Operation::append;
      if (!is_list(resource, config.name)) {
        return fail(Errc::invalid_config,
                    fmt::format("Can't {} to key {} because its type is not LIST.",
                                append ? "APPEND" : "SUBTRACT", config.name));
      }
      return changed_list(list_before(resource, before, config.name), *config.value, append);
    }
  }
  return fail(Errc::invalid_request,
              fmt::format("Unknown operations type {}", config.config_operation));
}

}  // namespace

metadata::ConfigSources ControllerMachine::config_sources() const {
  return {.dynamic_broker = &image_->configs(
              {ConfigResourceType::broker, std::to_string(settings_.self.value())}),
          .dynamic_default_broker = &image_->configs({ConfigResourceType::broker, ""}),
          .static_broker = &settings_.static_broker_configs};
}

Result<> ControllerMachine::check_resource(const ConfigResource& resource,
                                           const Configs& after) const {
  switch (resource.type) {
    case ConfigResourceType::topic:
      if (resource.name.empty())
        return fail(Errc::invalid_request, "Default topic resources are not allowed.");
      CHECKED(metadata::check_topic_name(resource.name));
      CHECKED(metadata::check_topic_configs(after));
      if (image_->topic(resource.name) == nullptr) {
        return fail(Errc::unknown_topic_or_partition,
                    fmt::format("The topic '{}' does not exist.", resource.name));
      }
      return {};
    case ConfigResourceType::broker: return check_broker_name(resource.name);
    case ConfigResourceType::group:
    case ConfigResourceType::client_metrics:
      return fail(
          Errc::invalid_config,
          fmt::format("Configs of {} resources are not served.",
                      resource.type == ConfigResourceType::group ? "GROUP" : "CLIENT_METRICS"));
    default:
      return fail(Errc::invalid_request,
                  fmt::format("Unknown resource type {}", static_cast<int>(resource.type)));
  }
}

Result<> ControllerMachine::check_min_insync(const ConfigResource& resource,
                                             const Records& added) const {
  if (resource.type != ConfigResourceType::broker || !elr_enabled()) return {};
  for (const metadata::Record& record : added) {
    if (as_config(record).name != kMinInsync) continue;
    if (!resource.name.empty()) {
      return fail(Errc::invalid_config,
                  "Broker-level min.insync.replicas cannot be altered while ELR is enabled.");
    }
    if (!as_config(record).value) {
      return fail(Errc::invalid_config,
                  "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.");
    }
  }
  return {};
}

void ControllerMachine::note_min_insync_change(const ConfigResource& resource, const Records& added,
                                               Records& records) const {
  const bool changed = std::ranges::any_of(
      added, [](const metadata::Record& record) { return as_config(record).name == kMinInsync; });
  records.insert(records.end(), added.begin(), added.end());
  // What counted as eligible under the old minimum may not under the new.
  if (!changed || !elr_enabled()) return;
  const bool topic = resource.type == ConfigResourceType::topic;
  records.push_back({wire::ClearElrRecord{.topic_name = topic ? resource.name : ""}, 0});
}

Result<> ControllerMachine::alter(
    const ConfigResource& resource,
    const wire::IncrementalAlterConfigsRequest::AlterConfigsResource& request,
    Records& records) const {
  CHECKED(check_form(request.configs, [](const auto& config) {
    return static_cast<Operation>(config.config_operation) == Operation::remove;
  }));
  const Configs& before = image_->configs(resource);
  Configs after = before;
  Records added;
  for (const auto& config : request.configs) {
    TRY(const std::optional<std::string> value, value_after(resource, before, config));
    const auto at = before.find(config.name);
    const bool same = at == before.end() ? !value : value == std::optional(at->second);
    // Brokers reload a broker config that is set again.
    if (!same || (resource.type == ConfigResourceType::broker && value)) {
      added.push_back(config_record(resource, config.name, value));
    }
    if (value) {
      after[config.name] = *value;
    } else {
      after.erase(config.name);
    }
  }
  CHECKED(check_min_insync(resource, added));
  CHECKED(check_resource(resource, after));
  note_min_insync_change(resource, added, records);
  return {};
}

Result<> ControllerMachine::replace(const ConfigResource& resource,
                                    const wire::AlterConfigsRequest::AlterConfigsResource& request,
                                    Records& records) const {
  CHECKED(check_form(request.configs, [](const auto&) { return false; }));
  const Configs& before = image_->configs(resource);
  Configs after;
  Records added;
  for (const auto& config : request.configs) {
    after[config.name] = *config.value;
    const auto at = before.find(config.name);
    if (at == before.end() || at->second != *config.value)
      added.push_back(config_record(resource, config.name, config.value));
  }
  for (const auto& [name, value] : before) {
    if (!after.contains(name)) added.push_back(config_record(resource, name, std::nullopt));
  }
  CHECKED(check_min_insync(resource, added));
  CHECKED(check_resource(resource, after));
  note_min_insync_change(resource, added, records);
  return {};
}

namespace {

/// Answers each resource of a request by `change`, those that are named twice not at all.
template <class Response, class Request, class Change>
void alter_each(const Request& request, Decision<Response>& decision, Change change) {
  std::map<std::pair<int8_t, std::string>, int> times;
  for (const auto& resource : request.resources)
    times[{resource.resource_type, resource.resource_name}]++;
  for (const auto& resource : request.resources) {
    Result<> result = fail(Errc::invalid_request, "Each resource must appear at most once.");
    if (times[{resource.resource_type, resource.resource_name}] == 1) {
      result = change(ConfigResource{static_cast<ConfigResourceType>(resource.resource_type),
                                     resource.resource_name},
                      resource);
    }
    auto& answer = decision.response.responses.emplace_back();
    answer.resource_type = resource.resource_type;
    answer.resource_name = resource.resource_name;
    answer.error_code = wire::error_code(result);
    answer.error_message = result ? std::nullopt : std::optional(result.error().detail);
  }
  if (request.validate_only) decision.records.clear();
}

}  // namespace

Decision<wire::IncrementalAlterConfigsResponse> ControllerMachine::incremental_alter_configs(
    const wire::IncrementalAlterConfigsRequest& request) const {
  CHECK(active_);
  Decision<wire::IncrementalAlterConfigsResponse> decision;
  alter_each(request, decision, [&](const ConfigResource& resource, const auto& each) {
    return alter(resource, each, decision.records);
  });
  return decision;
}

Decision<wire::AlterConfigsResponse> ControllerMachine::alter_configs(
    const wire::AlterConfigsRequest& request) const {
  CHECK(active_);
  Decision<wire::AlterConfigsResponse> decision;
  alter_each(request, decision, [&](const ConfigResource& resource, const auto& each) {
    return replace(resource, each, decision.records);
  });
  return decision;
}

}  // namespace partita::controller
