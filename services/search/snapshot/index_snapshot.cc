#include "services/search/snapshot/index_snapshot.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/observability/log.h"
#include "common/snapshot/snapshot.h"
#include "common/status/status_macros.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"

namespace mitra::search {
namespace {

using snapshot::Reader;
using snapshot::Writer;

constexpr char kFormat[] = "mitra-search-index";
constexpr uint32_t kVersion = 6;

// Records as they stand in the file. All bytes are named, none is padding.
struct MemberRecord {
  uint64_t incarnation;
  uint64_t revision;
  uint64_t text_serial;
  uint64_t text_hash;
  uint8_t hidden;
  uint8_t facets;
  uint8_t zeros[6];
};
static_assert(sizeof(MemberRecord) == 40);

struct FacetRecord {
  uint32_t row;
  uint32_t languages[8];
  uint16_t sectors[8];
  uint16_t region;
  uint16_t village;
  uint16_t norms;
  uint16_t offers;
  uint16_t needs;
  uint16_t free_seats;
  uint8_t role;
  uint8_t kind;
  uint8_t scale;
  uint8_t eligible;
  uint8_t verified;
  uint8_t zeros[3];
};
static_assert(sizeof(FacetRecord) == 72);

// Belongs to the facet of that place among the facet records; ascending.
struct FigureRecord {
  uint32_t facet;
  uint8_t kind;
  uint8_t resource;
  uint16_t measure;
  double value;
};
static_assert(sizeof(FigureRecord) == 16);

FacetRecord ToRecord(const FacetRow& facet, const RowAttributes& a,
                     bool eligible) {
  FacetRecord record = {};
  record.row = facet.row;
  record.role = facet.role;
  record.eligible = eligible;
  std::copy(a.languages.begin(), a.languages.end(), record.languages);
  std::copy(a.sectors.begin(), a.sectors.end(), record.sectors);
  record.region = a.region;
  record.village = a.village;
  record.norms = a.norms;
  record.offers = a.offers;
  record.needs = a.needs;
  record.kind = a.kind;
  record.scale = a.scale;
  record.free_seats = a.free_seats;
  record.verified = a.verified;
  return record;
}

IndexState::Restored::Facet FromRecord(const FacetRecord& record) {
  IndexState::Restored::Facet facet{record.role, record.row, {}};
  facet.facts.eligible = record.eligible != 0;
  RowAttributes& a = facet.facts.attributes;
  std::transform(std::begin(record.languages), std::end(record.languages),
                 a.languages.begin(), [](uint32_t language) {
                   return static_cast<uint16_t>(language);
                 });
  std::copy(std::begin(record.sectors), std::end(record.sectors),
            a.sectors.begin());
  a.region = record.region;
  a.village = record.village;
  a.norms = record.norms;
  a.offers = record.offers;
  a.needs = record.needs;
  a.kind = record.kind;
  a.scale = record.scale;
  a.free_seats = record.free_seats;
  a.verified = record.verified != 0;
  return facet;
}

std::string RoleSection(size_t role, absl::string_view part) {
  return absl::StrCat("role/", role, "/", part);
}
std::string TextSection(size_t segment, absl::string_view part) {
  return absl::StrCat("text/", segment, "/", part);
}

absl::Status WriteMembers(Writer& writer, const IndexView& view) {
  std::vector<std::string> ids, names, regions;
  std::vector<MemberRecord> members;
  std::vector<FacetRecord> facets;
  std::vector<FigureRecord> figures;
  for (size_t i = 0; i < view.members.size(); ++i) {
    const Member* member = view.members[i].get();
    MemberRecord& record = members.emplace_back();
    record = {};
    ids.emplace_back(member == nullptr ? "" : member->id());
    names.emplace_back(member == nullptr ? "" : member->display_name());
    regions.emplace_back(member == nullptr ? "" : member->region_code());
    if (member == nullptr) continue;
    record.incarnation = member->incarnation();
    record.revision = member->revision();
    record.text_serial = member->text_serial();
    record.text_hash = member->text_hash();
    record.hidden = member->hidden();
    record.facets = static_cast<uint8_t>(member->facets().size());
    for (const FacetRow& facet : member->facets()) {
      const RoleView& role = view.roles[facet.role];
      const bool eligible = role.eligible[facet.row / RowBits::kRows].test(
          facet.row % RowBits::kRows);
      for (const Figure& f : role.columns.figures.Get(facet.row)) {
        figures.push_back({static_cast<uint32_t>(facets.size()), f.kind,
                           f.resource, f.measure, f.value});
      }
      facets.push_back(
          ToRecord(facet, role.columns.attributes[facet.row], eligible));
    }
  }
  MITRA_RETURN_IF_ERROR(writer.WriteStrings("ids", ids));
  MITRA_RETURN_IF_ERROR(writer.WriteStrings("names", names));
  MITRA_RETURN_IF_ERROR(writer.WriteStrings("regions", regions));
  MITRA_RETURN_IF_ERROR(
      writer.WriteVector<MemberRecord>("members", members, true));
  MITRA_RETURN_IF_ERROR(
      writer.WriteVector<FacetRecord>("facets", facets, true));
  return writer.WriteVector<FigureRecord>("figures", figures, true);
}

// Which rows of each role are worth keeping: those of live members, and dead
// ones over which a graph leads.
std::vector<std::vector<bool>> UsedRows(const IndexView& view) {
  std::vector<std::vector<bool>> used(kRoles);
  for (size_t role = 0; role < kRoles; ++role) {
    used[role].resize(view.roles[role].columns.attributes.size());
    if (view.roles[role].graph == nullptr) continue;
    for (uint32_t row : view.roles[role].graph->rows()) used[role][row] = true;
  }
  for (size_t i = 0; i < view.members.size(); ++i) {
    if (view.members[i] == nullptr) continue;
    for (const FacetRow& facet : view.members[i]->facets()) {
      used[facet.role][facet.row] = true;
    }
  }
  return used;
}

absl::Status WriteRole(Writer& writer, size_t role, const RoleView& view,
                       const std::vector<bool>& used) {
  const VectorRows::View& rows = view.partitions.rows;
  std::vector<uint8_t> sides(used.size());
  std::vector<float> scales(used.size());
  for (uint32_t row = 0; row < used.size(); ++row) {
    if (!used[row]) continue;
    sides[row] = rows.sides(row);
    scales[row] = rows.scale(row);
  }
  MITRA_RETURN_IF_ERROR(
      writer.WriteVector<uint8_t>(RoleSection(role, "sides"), sides, true));
  MITRA_RETURN_IF_ERROR(
      writer.WriteVector<float>(RoleSection(role, "scales"), scales));
  const auto write_bytes = [&](absl::string_view part, size_t width,
                               auto bytes_of) -> absl::Status {
    MITRA_RETURN_IF_ERROR(writer.BeginSection(RoleSection(role, part), false));
    const std::string zeros(width, '\0');
    for (uint32_t row = 0; row < used.size(); ++row) {
      MITRA_RETURN_IF_ERROR(writer.Append(
          used[row]
              ? absl::string_view(reinterpret_cast<const char*>(bytes_of(row)),
                                  zeros.size())
              : absl::string_view(zeros)));
    }
    return writer.EndSection();
  };
  MITRA_RETURN_IF_ERROR(write_bytes(
      "codes", rows.width(), [&](uint32_t row) { return rows.codes(row); }));
  MITRA_RETURN_IF_ERROR(write_bytes(
      "lows", rows.low_width(), [&](uint32_t row) { return rows.lows(row); }));
  if (view.graph == nullptr) return absl::OkStatus();
  const HnswParts parts = view.graph->links().ToParts();
  const std::vector<int32_t> shape = {parts.links, parts.entry_point,
                                      parts.max_level};
  MITRA_RETURN_IF_ERROR(
      writer.WriteVector<int32_t>(RoleSection(role, "graph/shape"), shape));
  MITRA_RETURN_IF_ERROR(writer.WriteVector<uint32_t>(
      RoleSection(role, "graph/rows"), parts.rows));
  MITRA_RETURN_IF_ERROR(writer.WriteVector<int32_t>(
      RoleSection(role, "graph/levels"), parts.levels, true));
  MITRA_RETURN_IF_ERROR(writer.WriteVector<uint32_t>(
      RoleSection(role, "graph/twins"), parts.twins));
  MITRA_RETURN_IF_ERROR(writer.WriteVector<int32_t>(
      RoleSection(role, "graph/twin_of"), parts.twin_of));
  return writer.WriteVector<int32_t>(RoleSection(role, "graph/neighbours"),
                                     parts.neighbours);
}

absl::Status WriteText(Writer& writer, size_t number,
                       const LexicalSegment& segment) {
  const LexicalSegment::Parts parts = segment.ToParts();
  std::vector<uint32_t> members;
  std::vector<uint64_t> serials;
  for (const LexicalDocument& document : parts.documents) {
    members.push_back(document.member);
    serials.push_back(document.serial);
  }
  const auto name = [&](absl::string_view part) {
    return TextSection(number, part);
  };
  MITRA_RETURN_IF_ERROR(writer.WriteVector<uint32_t>(name("members"), members));
  MITRA_RETURN_IF_ERROR(writer.WriteVector<uint64_t>(name("serials"), serials));
  MITRA_RETURN_IF_ERROR(
      writer.WriteVector<float>(name("lengths"), parts.lengths));
  MITRA_RETURN_IF_ERROR(
      writer.WriteVector<uint64_t>(name("terms"), parts.terms));
  MITRA_RETURN_IF_ERROR(
      writer.WriteVector<uint32_t>(name("starts"), parts.starts));
  MITRA_RETURN_IF_ERROR(
      writer.WriteVector<uint32_t>(name("postings"), parts.postings));
  return writer.WriteVector<uint8_t>(name("frequencies"), parts.frequencies);
}

absl::Status WriteTombstones(Writer& writer, const Tombstones& tombstones) {
  std::vector<std::string> hashes;
  std::vector<uint64_t> incarnations;
  for (const auto& [hash, incarnation] : tombstones) {
    hashes.push_back(hash);
    incarnations.push_back(incarnation);
  }
  MITRA_RETURN_IF_ERROR(writer.WriteStrings("tombstones/hashes", hashes));
  return writer.WriteVector<uint64_t>("tombstones/incarnations", incarnations);
}

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("snapshot: ", what));
}

absl::Status ReadMembers(Reader& reader, IndexState::Restored& restored) {
  MITRA_ASSIGN_OR_RETURN(auto ids, reader.ReadStrings("ids"));
  MITRA_ASSIGN_OR_RETURN(auto names, reader.ReadStrings("names"));
  MITRA_ASSIGN_OR_RETURN(auto regions, reader.ReadStrings("regions"));
  MITRA_ASSIGN_OR_RETURN(const auto members,
                         reader.ReadVector<MemberRecord>("members"));
  MITRA_ASSIGN_OR_RETURN(const auto facets,
                         reader.ReadVector<FacetRecord>("facets"));
  MITRA_ASSIGN_OR_RETURN(const auto figures,
                         reader.ReadVector<FigureRecord>("figures"));
  if (names.size() != ids.size() || regions.size() != ids.size() ||
      members.size() != ids.size()) {
    return Damaged("members");
  }
  size_t next = 0;
  size_t next_figure = 0;
  restored.members.resize(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    const MemberRecord& record = members[i];
    auto& member = restored.members[i];
    if (ids[i].size() > 255 || regions[i].size() > 255 ||
        names[i].size() > 65535) {
      return Damaged("texts");
    }
    member.id = std::move(ids[i]);
    member.display_name = std::move(names[i]);
    member.region_code = std::move(regions[i]);
    member.fields.incarnation = record.incarnation;
    member.fields.revision = record.revision;
    member.fields.text_serial = record.text_serial;
    member.fields.text_hash = record.text_hash;
    member.fields.hidden = record.hidden != 0;
    if (record.facets > facets.size() - next) return Damaged("facets");
    for (int f = 0; f < record.facets; ++f) {
      member.facets.push_back(FromRecord(facets[next]));
      for (; next_figure < figures.size() && figures[next_figure].facet == next;
           ++next_figure) {
        const FigureRecord& figure = figures[next_figure];
        member.facets.back().facts.figures.push_back(
            {figure.kind, figure.resource, figure.measure, figure.value});
      }
      ++next;
    }
  }
  if (next_figure != figures.size()) return Damaged("figures");
  return next == facets.size() ? absl::OkStatus() : Damaged("facets");
}

absl::Status ReadRole(Reader& reader, size_t number,
                      IndexState::Restored::Role& role) {
  MITRA_ASSIGN_OR_RETURN(role.vectors.sides, reader.ReadVector<uint8_t>(
                                                 RoleSection(number, "sides")));
  MITRA_ASSIGN_OR_RETURN(
      role.vectors.scales,
      reader.ReadVector<float>(RoleSection(number, "scales")));
  MITRA_ASSIGN_OR_RETURN(role.vectors.codes,
                         reader.ReadSection(RoleSection(number, "codes")));
  MITRA_ASSIGN_OR_RETURN(role.vectors.lows,
                         reader.ReadSection(RoleSection(number, "lows")));
  if (!reader.HasSection(RoleSection(number, "graph/shape"))) {
    return absl::OkStatus();
  }
  HnswParts parts;
  MITRA_ASSIGN_OR_RETURN(
      const auto shape,
      reader.ReadVector<int32_t>(RoleSection(number, "graph/shape")));
  if (shape.size() != 3) return Damaged("graph");
  parts.links = shape[0];
  parts.entry_point = shape[1];
  parts.max_level = shape[2];
  MITRA_ASSIGN_OR_RETURN(parts.rows, reader.ReadVector<uint32_t>(
                                         RoleSection(number, "graph/rows")));
  MITRA_ASSIGN_OR_RETURN(parts.levels, reader.ReadVector<int32_t>(RoleSection(
                                           number, "graph/levels")));
  MITRA_ASSIGN_OR_RETURN(
      parts.neighbours,
      reader.ReadVector<int32_t>(RoleSection(number, "graph/neighbours")));
  MITRA_ASSIGN_OR_RETURN(parts.twins, reader.ReadVector<uint32_t>(
                                          RoleSection(number, "graph/twins")));
  MITRA_ASSIGN_OR_RETURN(parts.twin_of, reader.ReadVector<int32_t>(RoleSection(
                                            number, "graph/twin_of")));
  MITRA_ASSIGN_OR_RETURN(HnswLinks links, HnswLinks::FromParts(parts));
  role.graph = std::make_shared<HnswPartition>(std::move(links));
  return absl::OkStatus();
}

absl::Status ReadText(Reader& reader, IndexState::Restored& restored) {
  LexicalIndex::Segments segments;
  for (size_t i = 0; reader.HasSection(TextSection(i, "members")); ++i) {
    LexicalSegment::Parts parts;
    MITRA_ASSIGN_OR_RETURN(const auto members, reader.ReadVector<uint32_t>(
                                                   TextSection(i, "members")));
    MITRA_ASSIGN_OR_RETURN(const auto serials, reader.ReadVector<uint64_t>(
                                                   TextSection(i, "serials")));
    if (members.size() != serials.size()) return Damaged("text");
    for (size_t d = 0; d < members.size(); ++d) {
      parts.documents.push_back({members[d], serials[d]});
    }
    MITRA_ASSIGN_OR_RETURN(parts.lengths,
                           reader.ReadVector<float>(TextSection(i, "lengths")));
    MITRA_ASSIGN_OR_RETURN(
        parts.terms, reader.ReadVector<uint64_t>(TextSection(i, "terms")));
    MITRA_ASSIGN_OR_RETURN(
        parts.starts, reader.ReadVector<uint32_t>(TextSection(i, "starts")));
    MITRA_ASSIGN_OR_RETURN(parts.postings, reader.ReadVector<uint32_t>(
                                               TextSection(i, "postings")));
    MITRA_ASSIGN_OR_RETURN(
        parts.frequencies,
        reader.ReadVector<uint8_t>(TextSection(i, "frequencies")));
    MITRA_ASSIGN_OR_RETURN(auto segment,
                           LexicalSegment::FromParts(std::move(parts)));
    segments.push_back(std::move(segment));
  }
  restored.lexical.Restore(std::move(segments));
  return absl::OkStatus();
}

absl::Status ReadInto(IndexState& state, Reader& reader) {
  if (reader.version() != kVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("snapshot: was written in layout ", reader.version(),
                     ", not ", kVersion, "; the feed is read instead"));
  }
  if (reader.Get("region_edition") != taxonomy::RegionEdition() ||
      reader.Get("sector_edition") != taxonomy::SectorEdition()) {
    return absl::FailedPreconditionError(
        "snapshot: holds numbers of another edition of the tables");
  }
  IndexState::Restored restored;
  if (!absl::SimpleAtoi(reader.Get("watermark"), &restored.watermark) ||
      !absl::SimpleAtoi(reader.Get("record_incarnation"),
                        &restored.record_incarnation) ||
      !absl::SimpleAtoi(reader.Get("dimension"), &restored.dimension) ||
      restored.dimension == 0 || restored.dimension > 4096) {
    return Damaged("metadata");
  }
  restored.space = reader.Get("space");
  restored.id_hash_key = absl::HexStringToBytes(reader.Get("id_hash_key"));
  MITRA_RETURN_IF_ERROR(ReadMembers(reader, restored));
  for (size_t role = 0; role < kRoles; ++role) {
    MITRA_RETURN_IF_ERROR(ReadRole(reader, role, restored.roles[role]));
  }
  MITRA_RETURN_IF_ERROR(ReadText(reader, restored));
  MITRA_ASSIGN_OR_RETURN(const auto hashes,
                         reader.ReadStrings("tombstones/hashes"));
  MITRA_ASSIGN_OR_RETURN(
      const auto incarnations,
      reader.ReadVector<uint64_t>("tombstones/incarnations"));
  if (hashes.size() != incarnations.size()) return Damaged("tombstones");
  for (size_t i = 0; i < hashes.size(); ++i) {
    restored.tombstones[hashes[i]] = incarnations[i];
  }
  return state.Restore(std::move(restored));
}

}  // namespace

absl::StatusOr<WrittenSnapshot> WriteIndexSnapshot(const IndexState& state,
                                                   const std::string& path) {
  const IndexState::Frozen frozen = state.Freeze();
  const IndexView& view = *frozen.view;
  if (view.space.empty() || !state.usable()) {
    return absl::FailedPreconditionError("snapshot: the index is not loaded");
  }
  const snapshot::Metadata metadata = {
      {"watermark", absl::StrCat(view.watermark)},
      {"record_incarnation", absl::StrCat(view.record_incarnation)},
      {"space", view.space},
      {"dimension", absl::StrCat(view.dimension)},
      {"id_hash_key", absl::BytesToHexString(view.id_hash_key)},
      {"region_edition", std::string(taxonomy::RegionEdition())},
      {"sector_edition", std::string(taxonomy::SectorEdition())},
  };
  MITRA_ASSIGN_OR_RETURN(const std::unique_ptr<Writer> writer,
                         Writer::Create(path, kFormat, kVersion, metadata));
  MITRA_RETURN_IF_ERROR(WriteMembers(*writer, view));
  const std::vector<std::vector<bool>> used = UsedRows(view);
  for (size_t role = 0; role < kRoles; ++role) {
    MITRA_RETURN_IF_ERROR(
        WriteRole(*writer, role, view.roles[role], used[role]));
  }
  const auto segments = view.lexical.segments();
  for (size_t i = 0; i < segments.size(); ++i) {
    MITRA_RETURN_IF_ERROR(WriteText(*writer, i, *segments[i]));
  }
  MITRA_RETURN_IF_ERROR(WriteTombstones(*writer, frozen.tombstones));
  MITRA_ASSIGN_OR_RETURN(const uint64_t bytes, writer->Finish());
  return WrittenSnapshot{view.watermark, bytes};
}

feed::Position RestoreIndexSnapshot(IndexState& state,
                                    const std::string& path) {
  snapshot::RemoveLeftovers(path);
  for (const std::string& file : {path, path + ".prev"}) {
    absl::Status status;
    auto reader = Reader::Open(file, kFormat, kVersion);
    status = reader.ok() ? ReadInto(state, **reader) : reader.status();
    if (status.ok()) {
      const auto view = state.Read();
      LogInfo("search: snapshot restored", {{"file", file},
                                            {"revision", view->watermark},
                                            {"members", view->live_members}});
      return {view->record_incarnation, view->watermark};
    }
    if (!absl::IsNotFound(status)) {
      LogWarning("search: snapshot refused",
                 {{"file", file}, {"reason", std::string(status.message())}});
    }
  }
  return {};
}

void RemoveIndexSnapshots(const std::string& path) {
  std::remove(path.c_str());
  std::remove((path + ".prev").c_str());
}

}  // namespace mitra::search
