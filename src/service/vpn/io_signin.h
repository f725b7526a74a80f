/* The sign-in in its process: rows through the store, passwords through the hash thread, gates of
 * peers, events and verbs. Decides nothing: signin/signin.h does. */
#ifndef VPN_IO_SIGNIN_H
#define VPN_IO_SIGNIN_H

#include "base/err.h"
#include "service/vpn/signin/signin.h"

#include <jansson.h>

struct control_reply;
struct control_request;
struct sealed_key;
struct vpn;
struct vpn_conf;
struct vpn_event;
struct vpn_peer;
struct vpn_people;
struct vpn_store;
struct writer;

/* Adds itself to the store, which is to be loaded after. key: copied. ENOMEM; EIO. */
MUST enum err vpn_signin_new(struct vpn *v, struct vpn_store *store, const struct sealed_key *key,
			     struct vpn_people **ret);
/* The hash thread; after the sandbox. */
MUST enum err vpn_signin_start(struct vpn_people *x);
/* Ends the thread; the store is stopped before, and freed after. Accepts NULL. */
void vpn_signin_free(struct vpn_people *x);

/* The loop was woken: takes what was hashed. */
void vpn_signin_woken(struct vpn_people *x);
/* At the end of a turn, before the store is flushed. */
void vpn_signin_turn(struct vpn_people *x);
/* That configuration is in force; its texts stay until the next one is. Peers are told by
 * vpn_signin_peer. */
MUST enum err vpn_signin_set(struct vpn_people *x, const struct vpn_conf *conf);

/* A peer has come, or is another than it was. */
void vpn_signin_peer(struct vpn_people *x, const struct vpn_peer *peer);
/* A peer is about to go. */
void vpn_signin_peer_gone(struct vpn_people *x, const struct vpn_peer *peer);
/* VPN_EVENT_MOVED. */
void vpn_signin_moved(struct vpn_people *x, const struct vpn_event *e);

/* For the page. */
struct signin *vpn_signin_of(struct vpn_people *x);

/* A new object for the status; Prometheus text. */
json_t *vpn_signin_status(const struct vpn_people *x);
void vpn_signin_metrics(const struct vpn_people *x, struct writer *text);

/* io_users.c: verbs; arg is struct vpn. */
void vpn_users_list(void *arg, const struct control_request *req, struct control_reply *reply);
void vpn_user_show(void *arg, const struct control_request *req, struct control_reply *reply);
void vpn_user_add(void *arg, const struct control_request *req, struct control_reply *reply);
void vpn_user_set(void *arg, const struct control_request *req, struct control_reply *reply);
void vpn_user_passwd(void *arg, const struct control_request *req, struct control_reply *reply);
void vpn_user_reset(void *arg, const struct control_request *req, struct control_reply *reply);
void vpn_user_remove(void *arg, const struct control_request *req, struct control_reply *reply);
void vpn_user_unlock(void *arg, const struct control_request *req, struct control_reply *reply);
void vpn_sessions_list(void *arg, const struct control_request *req, struct control_reply *reply);
void vpn_session_end(void *arg, const struct control_request *req, struct control_reply *reply);

#endif
