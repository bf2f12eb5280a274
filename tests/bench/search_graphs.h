// Our graphs in files, so that a benchmark builds each once.

#ifndef MITRA_TESTS_BENCH_SEARCH_GRAPHS_H_
#define MITRA_TESTS_BENCH_SEARCH_GRAPHS_H_

#include <cstddef>
#include <memory>
#include <string>

#include "services/search/partition/hnsw_partition.h"

namespace mitra::bench {

// Null if `file` is empty, absent, damaged, or not of `size` rows.
std::unique_ptr<search::HnswPartition> ReadGraph(const std::string& file,
                                                 size_t size);
// Ends the program if the file cannot be written.
void WriteGraph(const search::HnswParts& parts, const std::string& file);

}  // namespace mitra::bench

#endif  // MITRA_TESTS_BENCH_SEARCH_GRAPHS_H_
