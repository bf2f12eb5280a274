#include "common/base/random.h"

#include <random>

namespace mitra {

uint64_t RandomSeed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

}  // namespace mitra
