/* What the forward proxy knows of a request while it runs. Knows no HTTP version.
 *
 * Lies in the exchange's own memory and is gone with it; holds its view of the site, which
 * everything that is borrowed here lies in.
 */
#ifndef FORWARD_PROXY_IO_EXCHANGE_H
#define FORWARD_PROXY_IO_EXCHANGE_H

#include "proxy/auth/basic_auth.h"
#include "service/forward-proxy/access/destination.h"
#include "service/forward-proxy/message.h"
#include "service/forward-proxy/names.h"
#include "service/forward-proxy/refusal.h"

struct access_rule;
struct upstream;
struct upstream_server;
struct forward_association;
struct forward_inspected;
struct forward_pace;
struct forward_view;
struct forward_worker;
struct origin;
struct privacy_conf;
struct proxy_cached;
struct proxy_exchange;

enum forward_kind {
	FORWARD_FETCH,	   /* an http address */
	FORWARD_TUNNEL,	   /* CONNECT */
	FORWARD_SOCKS,	   /* a tunnel too */
	FORWARD_TLS,	   /* likewise, of a connection that was taken on its way elsewhere */
	FORWARD_SIGN_IN,   /* of SOCKS: is a password right? */
	FORWARD_ASSOCIATE, /* of SOCKS: datagrams; `to` and `addresses` are of the last one */
};

/* How the credentials of a request stand. */
enum forward_proof {
	FORWARD_PROOF_NONE,
	FORWARD_PROOF_HASHING,
	FORWARD_PROOF_RIGHT,
	FORWARD_PROOF_WRONG,
	FORWARD_PROOF_UNTOLD, /* nobody could look at them */
};

/* Of the safe names of search engines. */
enum { FORWARD_INSTEAD_MAX = 64 };

struct forward_exchange {
	struct proxy_exchange *x;
	struct forward_worker *worker;
	struct forward_view *view; /* held */
	uint8_t step;		   /* of io_face.c: the one that it stands at */
	uint8_t kind;		   /* enum forward_kind */
	uint8_t refusal;	   /* enum refusal: why it goes nowhere, for log and counters */
	uint8_t unsaid;		   /* enum refusal: the last one of which nobody was told */
	uint8_t language;	   /* enum page_language: of pages that say why not */
	uint8_t proof;		   /* enum forward_proof */
	bool allowed;		   /* by the rules, whatever the addresses are */
	struct auth_claim claim;   /* what the credentials say */
	struct auth_user people;   /* of claim, one of the tunnels' users; its texts in the store */
	uint64_t ticket;	   /* while they are hashed; 0: they are not */
	struct span user;	   /* who is signed in; empty: nobody */
	const struct upstream *upstream; /* by whom it is gone to; NULL: directly */
	/* Of its servers the one that is tried, at `addresses`; NULL: none yet, or it failed. */
	const struct upstream_server *server;
	const struct upstream_server *asked_by; /* the last one that was, for the log */
	unsigned tried;				/* those that failed: bit i, upstream->servers[i] */
	bool led;    /* one was reached, and failed or did not want to lead there */
	bool direct; /* none was, and now it is to be gone to without */
	bool fell;   /* it is gone to without as none can be reached */
	/* The rule that decided; NULL: none did. */
	const struct access_rule *rule;
	const struct privacy_conf *privacy; /* its level; NULL: not chosen yet */
	struct span host;		    /* to's, in its one spelling, in the store */
	/* The name that is gone to in its place, for safe search; empty: none. In instead_room. */
	struct span instead;
	struct span asked;  /* of whom by TLS in the tunnel: SNI; in the store; empty: nobody */
	struct span detail; /* which rule or list refuses, for the log; in the store, or static */
	bool taken;	    /* on its way elsewhere: it goes to addresses[0], whatever it claims */
	bool unproved;	    /* and what it claims leads elsewhere, as far as we can see */
	struct span reason; /* the policy's, of why it is blocked; in the store */
	size_t at;	    /* in addresses: those before it were given up */
	struct name_waiter waiter;
	struct origin *origin;	   /* in use: of the last pick; NULL: none */
	struct forward_pace *pace; /* what it draws from; NULL: nothing holds it */
	/* By which that was chosen; held; NULL: not yet. And of the worker's policies. */
	struct forward_view *limited_by;
	uint64_t limited_policies;
	uint32_t again_s; /* with REFUSAL_QUOTA: in how long it may go on */
	struct proxy_cached *cached;
	/* Of a tunnel, until its client is let in; owned. */
	struct forward_inspected *inspecting;
	/* Of a request that came inside a tunnel: its connection's; NULL: it did not. */
	const struct forward_inspected *inside;
	bool inspected; /* a tunnel whose client was answered here */
	struct forward_exchange *runs_next, *runs_previous; /* io_review.h */
	struct forward_association
		*association;		 /* with FORWARD_ASSOCIATE; of the verdict's source */
	uint8_t hops[MESSAGE_HOPS_TEXT]; /* Max-Forwards, as it goes on */

	/* From here on only lengths are cleared: the rest is a kilobyte, which few need. */
	struct destination to;
	/* Where it may be gone to: judged, as it will be dialled. */
	struct names_addresses addresses;
	uint8_t instead_room[FORWARD_INSTEAD_MAX];
};

#endif
