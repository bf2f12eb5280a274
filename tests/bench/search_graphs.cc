#include "tests/bench/search_graphs.h"

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "common/snapshot/snapshot.h"
#include "common/status/status_macros.h"

namespace mitra::bench {
namespace {

constexpr char kFormat[] = "mitra-bench-graph";

absl::StatusOr<search::HnswParts> ReadParts(const std::string& file) {
  MITRA_ASSIGN_OR_RETURN(const auto reader,
                         snapshot::Reader::Open(file, kFormat, 1));
  search::HnswParts parts;
  MITRA_ASSIGN_OR_RETURN(const auto shape,
                         reader->ReadVector<int32_t>("shape"));
  if (shape.size() != 3) return absl::DataLossError("shape");
  parts.links = shape[0];
  parts.entry_point = shape[1];
  parts.max_level = shape[2];
  MITRA_ASSIGN_OR_RETURN(parts.rows, reader->ReadVector<uint32_t>("rows"));
  MITRA_ASSIGN_OR_RETURN(parts.levels, reader->ReadVector<int32_t>("levels"));
  MITRA_ASSIGN_OR_RETURN(parts.neighbours,
                         reader->ReadVector<int32_t>("neighbours"));
  MITRA_ASSIGN_OR_RETURN(parts.twins, reader->ReadVector<uint32_t>("twins"));
  MITRA_ASSIGN_OR_RETURN(parts.twin_of, reader->ReadVector<int32_t>("twin_of"));
  return parts;
}

absl::Status WriteParts(const search::HnswParts& parts,
                        const std::string& file) {
  MITRA_ASSIGN_OR_RETURN(const auto writer,
                         snapshot::Writer::Create(file, kFormat, 1, {}));
  const std::vector<int32_t> shape = {parts.links, parts.entry_point,
                                      parts.max_level};
  MITRA_RETURN_IF_ERROR(writer->WriteVector<int32_t>("shape", shape));
  MITRA_RETURN_IF_ERROR(writer->WriteVector<uint32_t>("rows", parts.rows));
  MITRA_RETURN_IF_ERROR(writer->WriteVector<int32_t>("levels", parts.levels));
  MITRA_RETURN_IF_ERROR(
      writer->WriteVector<int32_t>("neighbours", parts.neighbours));
  MITRA_RETURN_IF_ERROR(writer->WriteVector<uint32_t>("twins", parts.twins));
  MITRA_RETURN_IF_ERROR(writer->WriteVector<int32_t>("twin_of", parts.twin_of));
  return writer->Finish().status();
}

}  // namespace

std::unique_ptr<search::HnswPartition> ReadGraph(const std::string& file,
                                                 size_t size) {
  if (file.empty()) return nullptr;
  auto parts = ReadParts(file);
  if (!parts.ok() || parts->rows.size() + parts->twins.size() != size) {
    return nullptr;
  }
  auto links = search::HnswLinks::FromParts(*parts);
  if (!links.ok()) return nullptr;
  return std::make_unique<search::HnswPartition>(*std::move(links));
}

void WriteGraph(const search::HnswParts& parts, const std::string& file) {
  const absl::Status status = WriteParts(parts, file);
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

}  // namespace mitra::bench
