/* The sockets by which `wg` sees and sets our interfaces: one for each, in the folder where the
 * tool looks. Knows no key of the text (proto/wireguard/uapi.h). */
#ifndef VPN_IO_UAPI_H
#define VPN_IO_UAPI_H

#include "base/err.h"
#include "base/span.h"

struct plan;
struct vpn;
struct vpn_conf;
struct vpn_interface;
struct vpn_uapi;
struct writer;

enum { VPN_UAPI_REQUEST_MAX = 64 << 20 }; /* octets: all peers that there may be, set at once */

/* What is wanted of the supervisor; none with `wg-sockets: off`. */
MUST enum err vpn_uapi_plan(const struct vpn_conf *conf, struct plan *p);
/* Takes what was passed, or makes it while we may: before the sandbox. A folder that cannot be
 * written, or another program's socket there, is logged and does without. ENOMEM. */
MUST enum err vpn_uapi_open(struct vpn *v, struct vpn_uapi **ret);
/* Serves them in the loop. */
MUST enum err vpn_uapi_start(struct vpn_uapi *u);
/* Accepts NULL. */
void vpn_uapi_free(struct vpn_uapi *u);

/* --- io_uapi_apply.c: what a request does */

/* Octets that vpn_uapi_tell may need. */
size_t vpn_uapi_room(const struct vpn_interface *f);
/* The answer to `get=1`. It holds keys: wipe it. */
void vpn_uapi_tell(const struct vpn_interface *f, struct writer *w);
/* Does what the lines of a `set=1` say; nothing when one of them is wrong (ERR_FORMAT) or asks for
 * what we do not do: another port or a mark (EOPNOTSUPP), a network for a peer that signs in
 * (ERR_REFUSED). A peer that is known from elsewhere keeps its name and its rules. */
MUST enum err vpn_uapi_set(struct vpn_interface *f, struct span body);

#endif
