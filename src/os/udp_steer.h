/* Which of the UDP sockets that share an address gets a datagram, by the datagram's first octet:
 *the kernel is given a small program that sorts. Knows no more of what datagrams say than that
 *octet.
 *
 * Sockets count in the order in which they were bound (SO_REUSEPORT). What the program names and is
 * not there goes where the kernel's own hash sends it.
 *
 *	supervisor:	for (i <= n) udp_open(&at, UDP_REUSEPORT, &fds[i])
 *	service:	TRY(udp_steer(fds[0], 4, TYPE_DATA, n)); TRY(udp_shrink(fds[n], bytes));
 */
#ifndef OS_UDP_STEER_H
#define OS_UDP_STEER_H

#include "base/err.h"

#include <stdint.h>

/* Datagrams that begin with `octet` go to sockets 0 to n - 1, one flow (source address and port) to
 * one of them; all else, and empty ones, to socket n. fd: any of them; family: 4 or 6, theirs.
 * It is for all of them, takes the place of an earlier one, and stays as long as one of them. */
MUST enum err udp_steer(int fd, uint8_t family, uint8_t octet, uint32_t n);

/* Less room for what waits to be read; udp_prepare only ever gives more. */
MUST enum err udp_shrink(int fd, uint32_t bytes);

#endif
