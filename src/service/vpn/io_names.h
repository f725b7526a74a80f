/* Peers' names in the DNS, and the sign-in page's: what there is now is compared with what was
 * told, and the difference leaves by UPDATE (names/names.h). Knows neither where peers come from
 * nor what an update looks like. */
#ifndef VPN_IO_NAMES_H
#define VPN_IO_NAMES_H

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct vpn;
struct vpn_names;

/* EIO, ENOMEM. */
MUST enum err vpn_names_new(struct vpn *v, struct vpn_names **ret);
void vpn_names_free(struct vpn_names *n); /* accepts NULL */

/* As the configuration in force says from now on: at the start and after a reload. Logs what cannot
 * be. */
void vpn_names_set(struct vpn *v);
/* Peers, their names or addresses have changed: before the loop sleeps, they are told. Accepts a
 * service without names. */
void vpn_names_follow(struct vpn *v);
/* Is that so in this turn? */
bool vpn_names_follows(const struct vpn *v);
/* At the end of each turn of the loop. */
void vpn_names_turn(struct vpn *v);

/* Counters for the status; NULL: no names are told. */
json_t *vpn_names_json(const struct vpn *v);

#endif
