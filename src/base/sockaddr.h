/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between struct ip_addr and what the socket calls take. Ports are in host order. */

#include "base/ip.h"

#include <sys/socket.h>

/* Fills *ret, of the address's family (AF_INET for an IPv4 one); returns its length. */
socklen_t sockaddr_of(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *ret);
/* Zero when it is of neither family (a unix socket's). An IPv4-mapped address becomes IPv4. */
struct ip_addr sockaddr_ip(const struct sockaddr_storage *ss);
uint16_t sockaddr_port(const struct sockaddr_storage *ss);
