/* Peers that were added while the service runs: rows of the store become peers of the engines, and
 * `gatehouse vpn add` and `remove` become rows, durable before they are answered. Knows no private
 * key: who asks for a peer has made it, and sends the public one. */
#ifndef VPN_IO_ADDED_H
#define VPN_IO_ADDED_H

#include "base/table.h"
#include "control/control.h"
#include "service/vpn/peers/added.h"
#include "store/store.h"

struct store_request;
struct vpn;
struct vpn_added;
struct vpn_interface;
struct vpn_interface_conf;

struct added_entry {
	struct added a;
	uint64_t version;
	bool told;    /* since the store began to tell everything */
	bool pending; /* being written for the first time: holds its name and addresses, no peer */
};

/* Before the store tells its rows. EIO, ENOMEM; ERR_FORMAT: the key that seals is none. */
MUST enum err vpn_added_new(struct vpn *v, struct vpn_added **ret);
void vpn_added_free(struct vpn_added *n); /* accepts NULL */

/* Makes peers of all rows anew: after a reload, when the file may have let go of a name or a key,
 * or taken one: then the file's peer counts. */
void vpn_added_apply(struct vpn_added *n);

/* NULL: no such row, or it has ended. */
const struct added_entry *vpn_added_find(const struct vpn_added *n, const char *name);
/* For (size_t at = 0; (e = vpn_added_next(n, &at));) all rows, also ended and pending ones. */
const struct added_entry *vpn_added_next(const struct vpn_added *n, size_t *at);

/* What of the address is in the DNS now; a row that has ended goes when nothing is. */
void vpn_added_named(struct vpn_added *n, const struct ip_address *address, uint8_t names);

/* --- verbs, for control.c */

void vpn_added_handle_add(void *vpn, const struct control_request *req,
			  struct control_reply *reply);
void vpn_added_handle_remove(void *vpn, const struct control_request *req,
			     struct control_reply *reply);
/* What the client's file says, but for its private key. */
void vpn_added_handle_client(void *vpn, const struct control_request *req,
			     struct control_reply *reply);

/* --- io_added_ask.c, which reads what is asked and tells what is there */

/* What the body of an add says, but for addresses and preshared key. False: it was refused with
 * that text. */
bool vpn_added_read(struct vpn *v, const json_t *body, struct added *ret, const char **ret_why);
/* Of the interface's networks, an address each that taken() does not have. ERR_LIMIT: none left. */
MUST enum err vpn_added_choose(const struct vpn_interface *f, const struct vpn_interface_conf *conf,
			       const struct vpn_added *n, struct added *a);
/* NULL: no memory, or its interface is not configured. */
json_t *vpn_added_client_json(const struct vpn *v, const struct added *a);

#endif
