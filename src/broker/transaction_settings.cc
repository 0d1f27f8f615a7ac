#include "broker/transaction_settings.h"

namespace partita::broker {

coordinators::TransactionSettings transaction_settings(const Settings& settings) {
  const auto number = [&settings](std::string_view name) {
    return std::stoll(*setting_text(settings, name));
  };
  return {.timeout_max = from_ms(number("transaction.max.timeout.ms")),
          .id_expiration = from_ms(number("transactional.id.expiration.ms")),
          .ids_max = static_cast<size_t>(number("transactional.ids.max"))};
}

}  // namespace partita::broker
