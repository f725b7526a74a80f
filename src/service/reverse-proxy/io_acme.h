/* Certificates that are ordered from authorities by ACME and renewed, by a thread beside the
 * workers: it asks the authorities, shows proofs, and keeps accounts and certificates in the store,
 * where several gateways share them and one at a time orders. Knows no listener and no request.
 *
 * All calls are of the main thread, which is woken when a certificate has come or an event is to be
 * told.
 */
#ifndef REVERSE_PROXY_IO_ACME_H
#define REVERSE_PROXY_IO_ACME_H

#include "proto/dns/name.h"
#include "service/reverse-proxy/acme_row.h"
#include "store/store.h"

struct acme_proofs;
struct config;
struct reverse_acme;
struct reverse_certificate_conf;
struct reverse_conf;
struct tls_chain;

/* wake: called in the thread. */
MUST enum err reverse_acme_new(void (*wake)(void *arg), void *arg, struct reverse_acme **ret);
/* Ends the thread: an order under way is given up, its lease given back. Accepts NULL. */
void reverse_acme_stop(struct reverse_acme *a);
/* And frees all; after the workers and all snapshots. Accepts NULL. */
void reverse_acme_free(struct reverse_acme *a);

/* What the sandbox must leave readable: the way to the database. list ends with NULL. */
MUST enum err reverse_acme_paths(const struct reverse_conf *conf, struct store_paths *ret);

/* Opens the store and reads all that is known; nothing when the configuration has no authorities.
 * folder: the state directory. In the sandbox, before the thread. OK also when a database is away:
 * what it knows comes later. Errors are logged. */
MUST enum err reverse_acme_open(struct reverse_acme *a, const struct reverse_conf *conf,
				const char *folder);
/* This configuration is in force from now on; a count of it is taken. ERR_CONFIG: as the log says,
 * and the old one stays. */
MUST enum err reverse_acme_set(struct reverse_acme *a, struct config *config);
MUST enum err reverse_acme_start(struct reverse_acme *a);

/* What workers show. Lives as long as a. */
struct acme_proofs *reverse_acme_proofs(struct reverse_acme *a);
/* The certificate of that entry, counted for the caller; NULL: there is none yet. */
struct tls_chain *reverse_acme_chain(struct reverse_acme *a, const struct reverse_conf *conf,
				     const struct reverse_certificate_conf *c);
/* Whether certificates came since this was asked last. */
bool reverse_acme_news(struct reverse_acme *a);
/* The next event that was not told yet: "certificate issued" and the like; false: none. */
struct reverse_acme_event {
	char what[40];
	char name[ACME_NAME_MAX]; /* the certificate's first */
	char why[ACME_ERROR_MAX]; /* "": no reason */
};
bool reverse_acme_event(struct reverse_acme *a, struct reverse_acme_event *ret);

/* How it stands with that entry. */
struct reverse_acme_facts {
	struct acme_schedule schedule;
	bool orders;	/* an order is under way, here */
	bool elsewhere; /* another gateway orders it */
	bool unsaved;	/* the store did not take it yet */
};
void reverse_acme_facts(struct reverse_acme *a, const struct reverse_conf *conf,
			const struct reverse_certificate_conf *c, struct reverse_acme_facts *ret);
/* An order begins as soon as it can, whatever the schedule says. ERR_ABSENT: no ordered certificate
 * is for that name. */
MUST enum err reverse_acme_renew(struct reverse_acme *a, const char *name);

/* As orders write names: lower case, without a dot at the end. */
void reverse_acme_name(const struct dns_name *name, char ret[ACME_NAME_MAX]);

struct reverse_acme_counts {
	uint64_t requests, issued, failed, shown_http, shown_tls;
	bool store_away;
};
void reverse_acme_counts(struct reverse_acme *a, struct reverse_acme_counts *ret);

#endif
