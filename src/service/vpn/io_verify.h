/* The socket on which other services of this gateway ask whether somebody's name and password are
 * right (control/people.h). Decides nothing: signin/signin.h does. */
#ifndef VPN_IO_VERIFY_H
#define VPN_IO_VERIFY_H

#include "base/err.h"

struct config_global;
struct plan;
struct vpn;
struct vpn_conf;
struct vpn_verify;

MUST enum err vpn_verify_plan(const struct vpn_conf *conf, const struct config_global *global,
			      struct plan *p);
/* Before the sandbox. *ret NULL: the configuration wants none. */
MUST enum err vpn_verify_open(struct vpn *v, struct vpn_verify **ret);
/* Users are known. */
MUST enum err vpn_verify_start(struct vpn_verify *x);
void vpn_verify_free(struct vpn_verify *x); /* accepts NULL */

#endif
