#pragma once
// Bit sets of AclOperation that answers carry on request. Without an authorizer everyone may do
// everything that there is to do with a resource.

#include <cstdint>

namespace partita::broker {

enum class AclOperation {
  read = 3,
  write = 4,
  create = 5,
  remove = 6,  ///< Kafka's DELETE
  alter = 7,
  describe = 8,
  cluster_action = 9,
  describe_configs = 10,
  alter_configs = 11,
  idempotent_write = 12,
};

template <class... Operations>
constexpr int32_t operation_bits(Operations... operations) {
  return ((1 << static_cast<int>(operations)) | ...);
}

inline constexpr int32_t kTopicOperations =
    operation_bits(AclOperation::read, AclOperation::write, AclOperation::create,
                   AclOperation::remove, AclOperation::alter, AclOperation::describe,
                   AclOperation::describe_configs, AclOperation::alter_configs);
inline constexpr int32_t kGroupOperations =
    operation_bits(AclOperation::read, AclOperation::remove, AclOperation::describe,
                   AclOperation::describe_configs, AclOperation::alter_configs);
inline constexpr int32_t kClusterOperations = operation_bits(
    AclOperation::create, AclOperation::alter, AclOperation::describe, AclOperation::cluster_action,
    AclOperation::describe_configs, AclOperation::alter_configs, AclOperation::idempotent_write);

}  // namespace partita::broker
