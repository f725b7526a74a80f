/* The service's rows: one store for users, sessions and added peers, read at the start, written by
 * its own thread. Knows not what a row means: whoever owns a
 * table is told by calls.
 *
 *	vpn_store_new -> vpn_store_add, for each owner -> vpn_store_load -> [sandbox] ->
 *vpn_store_start the loop is woken -> vpn_store_woken; at the end of each turn vpn_store_flush
 */
#ifndef VPN_IO_STORE_H
#define VPN_IO_STORE_H

#include "store/worker.h"

/* Their names in the database are fixed. */
enum vpn_table { VPN_TABLE_USERS, VPN_TABLE_SESSIONS, VPN_TABLE_PEERS, VPN_TABLES };

struct vpn_store;

/* The owner of tables; all calls come in the loop's thread, from vpn_store_load and
 * vpn_store_woken (and the flush, for stored). */
struct vpn_store_face {
	unsigned tables; /* a bit for each, 1 << VPN_TABLE_… */
	/* A row: at the start each one, later those that another gateway wrote. removed: it is
	 * gone, and has no value. ENOMEM ends the load; other errors leave the row aside. */
	enum err (*learn)(void *arg, const struct store_row *row);
	/* All there is will be learnt between the two: what was not is gone. May be NULL. */
	void (*learn_begin)(void *arg);
	void (*learn_end)(void *arg);
	/* What became of a write. OK: version. ERR_EXISTS: version and value are what is there;
	 * ERR_ABSENT; all others: not known to be durable. */
	void (*stored)(void *arg, const struct store_request *r);
	void *arg; /* borrowed */
};

struct vpn_store_setting {
	const char *url;	 /* sqlite, or postgresql://… */
	struct span password;	 /* for that; may be empty */
	const char *folder;	 /* of SQLite's file: the state directory */
	void (*wake)(void *arg); /* wakes the loop; from the store's thread */
	void *arg;		 /* borrowed */
};

/* Touches nothing yet. ERR_CONFIG; ENOMEM. */
MUST enum err vpn_store_new(const struct vpn_store_setting *setting, struct vpn_store **ret);
/* Ends the thread: what was put is committed, and told. Then frees. Accepts NULL. */
void vpn_store_stop(struct vpn_store *s);
void vpn_store_free(struct vpn_store *s);

/* At most VPN_TABLES owners. */
void vpn_store_add(struct vpn_store *s, const struct vpn_store_face *face);
/* Opens it and tells all rows. OK also when it is away (logged): the rows come when it is back.
 * Permanent errors are logged and returned. */
MUST enum err vpn_store_load(struct vpn_store *s);
/* After the sandbox. */
MUST enum err vpn_store_start(struct vpn_store *s);
/* True: call it again soon, there is more. */
bool vpn_store_woken(struct vpn_store *s);
/* At the end of a turn: hands over what was put. */
void vpn_store_flush(struct vpn_store *s);

struct vpn_store_write {
	enum vpn_table table;
	struct span key, value; /* copied */
	bool remove;
	enum store_expect expect;
	uint64_t version; /* of STORE_EXPECT_VERSION */
	uint64_t number;  /* of the request, for `stored` */
	void *arg;	  /* likewise */
};
/* ERR_LIMIT: too many are under way, or too long. */
MUST enum err vpn_store_put(struct vpn_store *s, const struct vpn_store_write *w);

#endif
