#include "common/base/failpoint.h"

#include <csignal>
#include <cstdlib>

namespace mitra {
namespace {

struct Armed {
  std::string name;
  std::atomic<uint32_t> left{0};
};

Armed& TheArmed() {
  static Armed* armed = new Armed;
  return *armed;
}

// "name" or "name:nth".
bool ArmFromEnvironment() {
  const char* text = std::getenv("MITRA_FAILPOINT");
  if (text == nullptr || *text == '\0') return false;
  std::string name = text;
  uint32_t nth = 1;
  const size_t colon = name.rfind(':');
  if (colon != std::string::npos) {
    nth = static_cast<uint32_t>(
        std::strtoul(name.c_str() + colon + 1, nullptr, 10));
    name.resize(colon);
  }
  TheArmed().name = name;
  TheArmed().left = nth == 0 ? 1 : nth;
  return true;
}

}  // namespace

namespace internal {

std::atomic<bool> failpoint_armed{ArmFromEnvironment()};

void ReachArmedFailpoint(const char* name) {
  Armed& armed = TheArmed();
  if (armed.name != name) return;
  if (armed.left.fetch_sub(1) == 1) std::raise(SIGKILL);
}

}  // namespace internal

void ArmFailpoint(const std::string& name, uint32_t nth) {
  TheArmed().name = name;
  TheArmed().left = nth == 0 ? 1 : nth;
  internal::failpoint_armed = true;
}

}  // namespace mitra
