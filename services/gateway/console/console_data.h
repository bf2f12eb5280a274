// What the console must know of the taxonomy to show codes as words, as JSON
// documents: made from common/taxonomy, so that the console keeps no table of
// its own. Public knowledge; nothing of members.

#ifndef MITRA_SERVICES_GATEWAY_CONSOLE_CONSOLE_DATA_H_
#define MITRA_SERVICES_GATEWAY_CONSOLE_CONSOLE_DATA_H_

#include <string>

namespace mitra::gateway {

// {"Role": {"ROLE_MENTOR": ["mentor", "mentor"], …}, …}: the words of every
// public enum that has some, Indonesian first.
std::string NamesJson();

// {"33.72": "Kota Surakarta", …}: provinces, regencies and districts.
std::string RegionsJson();

// {"10710": "Industri Produk Roti Dan Kue", …}: KBLI 2020, 2 to 5 digits.
std::string SectorsJson();

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_CONSOLE_CONSOLE_DATA_H_
