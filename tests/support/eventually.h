// Waiting for something that another thread or process will do. The only place
// in the tests that may wait by polling.

#ifndef MITRA_TESTS_SUPPORT_EVENTUALLY_H_
#define MITRA_TESTS_SUPPORT_EVENTUALLY_H_

#include <functional>

#include "absl/time/time.h"

namespace mitra::testing {

// Asks `condition` again and again, at growing distances of up to 20 ms, until
// it is true or `timeout` has passed; asks at least once, and once more at the
// end. Returns what it last said.
//
//   EXPECT_TRUE(Eventually([&] { return client.available(); }));
bool Eventually(const std::function<bool()>& condition,
                absl::Duration timeout = absl::Seconds(20));

}  // namespace mitra::testing

#endif  // MITRA_TESTS_SUPPORT_EVENTUALLY_H_
