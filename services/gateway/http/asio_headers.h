// asio, whose headers are noisier than our warnings allow.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_ASIO_HEADERS_H_
#define MITRA_SERVICES_GATEWAY_HTTP_ASIO_HEADERS_H_

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
#include <asio/bind_executor.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ssl.hpp>
#include <asio/steady_timer.hpp>
#pragma GCC diagnostic pop

#endif  // MITRA_SERVICES_GATEWAY_HTTP_ASIO_HEADERS_H_
