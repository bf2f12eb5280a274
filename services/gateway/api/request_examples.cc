#include "services/gateway/api/request_examples.h"

#include <nlohmann/json.hpp>
#include <string>

namespace mitra::gateway {
namespace {

using Json = nlohmann::ordered_json;

// A shop for cakes, a mentor and a miller.
constexpr char kExamples[] = R"json([
{"verb": "PUT", "path": "/v1/profiles/{profile.profile_id}",
 "parameters": {"profile.profile_id": "toko-tini"},
 "body": {"kind": "MEMBER_KIND_BUSINESS", "displayName": "Toko Bu Tini",
  "about": "Kue basah dan roti sejak 2015.", "regionCode": "33.72.01",
  "sectors": [{"code": "10710"}], "languages": ["id"],
  "facets": [{"role": "ROLE_BUSINESS",
   "needs": [{"resource": "RESOURCE_MENTORING",
    "text": "bimbingan pembukuan usaha kue"}],
   "offers": [{"resource": "RESOURCE_COLLABORATION",
    "text": "titip jual kue basah"}]}]}},
{"verb": "POST", "path": "/v1/profiles:batchUpsert", "parameters": {},
 "body": {"profiles": [
  {"profileId": "mentor-sari", "kind": "MEMBER_KIND_PERSON",
   "displayName": "Sari Wulandari", "regionCode": "33.72.02",
   "facets": [{"role": "ROLE_MENTOR", "seats": {"total": 3},
    "offers": [{"resource": "RESOURCE_MENTORING",
     "text": "pembukuan usaha makanan"}]}]},
  {"profileId": "giling-jaya", "kind": "MEMBER_KIND_BUSINESS",
   "displayName": "Giling Jaya", "regionCode": "33.72.03",
   "sectors": [{"code": "10613"}], "facets": [{"role": "ROLE_SUPPLIER"}]}]}},
{"verb": "PATCH", "path": "/v1/profiles/{profile.profile_id}",
 "parameters": {"profile.profile_id": "toko-tini", "updateMask": "about"},
 "body": {"about": "Kue basah, roti dan nasi kotak sejak 2015."}},
{"verb": "POST", "path": "/v1/profiles/{profile_id}:verify",
 "parameters": {"profile_id": "mentor-sari"},
 "body": {"verifiedBy": "Dinas Koperasi Surakarta"}},
{"verb": "POST", "path": "/v1/evidence", "parameters": {},
 "body": {"evidenceId": "kunjungan-1", "authorId": "toko-tini",
  "aboutId": "mentor-sari", "kind": "EVIDENCE_KIND_MENTORING", "quality": 0.9,
  "eventTime": "2026-01-17T09:00:00Z"}},
{"verb": "POST", "path": "/v1/evidence:batchCreate", "parameters": {},
 "body": {"evidence": [{"evidenceId": "tepung-1", "authorId": "toko-tini",
  "aboutId": "giling-jaya", "kind": "EVIDENCE_KIND_TRANSACTION",
  "eventTime": "2026-02-03T09:00:00Z"}]}},
{"verb": "GET", "path": "/v1/evidence/{evidence_id}",
 "parameters": {"evidence_id": "kunjungan-1"}},
{"verb": "GET", "path": "/v1/evidence",
 "parameters": {"authorId": "toko-tini", "pageSize": 20}},
{"verb": "POST", "path": "/v1/profiles/{profile_id}/consents",
 "parameters": {"profile_id": "toko-tini"},
 "body": {"purpose": "CONSENT_PURPOSE_PATH_NAMING", "granted": true,
  "receiptId": "formulir-17"}},
{"verb": "GET", "path": "/v1/profiles/{profile_id}/consents",
 "parameters": {"profile_id": "toko-tini"}},
{"verb": "GET", "path": "/v1/profiles/{profile_id}",
 "parameters": {"profile_id": "toko-tini"}},
{"verb": "GET", "path": "/v1/profiles", "parameters": {"pageSize": 20}},
{"verb": "POST", "path": "/v1/profiles:batchGet", "parameters": {},
 "body": {"profileIds": ["toko-tini", "mentor-sari"]}},
{"verb": "GET", "path": "/v1/profiles:search",
 "parameters": {"query": "pembukuan", "roles": ["ROLE_MENTOR"],
  "pageSize": 5}},
{"verb": "POST", "path": "/v1/profiles:search", "parameters": {},
 "body": {"query": "pembukuan", "pageSize": 5}},
{"verb": "GET", "path": "/v1/profiles/{profile_id}:recommend",
 "parameters": {"profile_id": "toko-tini",
  "kinds": ["RECOMMENDATION_KIND_MENTOR"], "pageSize": 5}},
{"verb": "POST", "path": "/v1/profiles/{profile_id}:recommend",
 "parameters": {"profile_id": "toko-tini"},
 "body": {"kinds": ["RECOMMENDATION_KIND_MENTOR",
   "RECOMMENDATION_KIND_SUPPLIER"],
  "pageSize": 5, "explanation": "EXPLANATION_LEVEL_FULL", "language": "id",
  "filter": {"regionCodes": ["33.72"]}}},
{"verb": "POST", "path": "/v1/profiles:batchRecommend", "parameters": {},
 "body": {"profileIds": ["toko-tini", "giling-jaya"],
  "options": {"kinds": ["RECOMMENDATION_KIND_PARTNER"], "pageSize": 3}}},
{"verb": "GET", "path": "/v1/profiles/{profile_id}:explain",
 "parameters": {"profile_id": "toko-tini", "candidateId": "mentor-sari",
  "kind": "RECOMMENDATION_KIND_MENTOR", "language": "id"}},
{"verb": "GET", "path": "/v1/profiles/{profile_id}:whyNot",
 "parameters": {"profile_id": "toko-tini", "candidateId": "giling-jaya",
  "kind": "RECOMMENDATION_KIND_MENTOR"}},
{"verb": "GET", "path": "/v1/profiles/{profile_id}:traceRecommend",
 "parameters": {"profile_id": "toko-tini",
  "kind": "RECOMMENDATION_KIND_MENTOR"}},
{"verb": "POST", "path": "/v1/profiles/{profile_id}:scorePairs",
 "parameters": {"profile_id": "toko-tini"},
 "body": {"candidateIds": ["mentor-sari"],
  "kind": "RECOMMENDATION_KIND_MENTOR"}},
{"verb": "GET", "path": "/v1/profiles/{profile_id}:trust",
 "parameters": {"profile_id": "toko-tini", "targetId": "mentor-sari"}},
{"verb": "GET", "path": "/v1/profiles/{profile_id}:diagnose",
 "parameters": {"profile_id": "toko-tini", "language": "id"}},
{"verb": "GET", "path": "/v1/profiles/{profile_id}:standing",
 "parameters": {"profile_id": "mentor-sari"}},
{"verb": "GET", "path": "/v1/profiles/{profile_id}:trace",
 "parameters": {"profile_id": "toko-tini"}},
{"verb": "POST", "path": "/v1/engagements", "parameters": {},
 "body": {"seekerId": "toko-tini", "providerId": "mentor-sari",
  "providerRole": "ROLE_MENTOR", "note": "Mohon bimbingan pembukuan."}},
{"verb": "GET", "path": "/v1/engagements",
 "parameters": {"profileId": "toko-tini",
  "states": ["ENGAGEMENT_STATE_REQUESTED"]}},
{"verb": "PUT", "path": "/v1/profiles/{blocker_id}/blocks/{blocked_id}",
 "parameters": {"blocker_id": "toko-tini", "blocked_id": "giling-jaya"}},
{"verb": "GET", "path": "/v1/profiles/{blocker_id}/blocks",
 "parameters": {"blocker_id": "toko-tini"}},
{"verb": "DELETE", "path": "/v1/profiles/{blocker_id}/blocks/{blocked_id}",
 "parameters": {"blocker_id": "toko-tini", "blocked_id": "giling-jaya"}},
{"verb": "GET", "path": "/v1/ranking", "parameters": {}},
{"verb": "POST", "path": "/v1/refreshes", "parameters": {},
 "body": {"kinds": ["RECOMMENDATION_KIND_MENTOR"], "slateSize": 10,
  "hold": true}},
{"verb": "GET", "path": "/v1/refreshes", "parameters": {}},
{"verb": "GET", "path": "/v1/status/profile", "parameters": {}},
{"verb": "GET", "path": "/v1/status/search", "parameters": {}},
{"verb": "GET", "path": "/v1/status/matching", "parameters": {}},
{"verb": "DELETE", "path": "/v1/evidence/{evidence_id}",
 "parameters": {"evidence_id": "tepung-1"}},
{"verb": "DELETE", "path": "/v1/profiles/{profile_id}",
 "parameters": {"profile_id": "giling-jaya"}}
])json";

Json Ordered() {
  Json examples = Json::parse(kExamples);
  int order = 0;
  for (Json& example : examples) example["order"] = ++order;
  return examples;
}

}  // namespace

const Json& RequestExamples() {
  static const Json* const examples = new Json(Ordered());
  return *examples;
}

const Json* RequestExampleOf(absl::string_view verb, absl::string_view path) {
  for (const Json& example : RequestExamples()) {
    if (example["verb"] == std::string(verb) &&
        example["path"] == std::string(path)) {
      return &example;
    }
  }
  return nullptr;
}

}  // namespace mitra::gateway
