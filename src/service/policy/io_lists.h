/* The lists of the configuration that come from elsewhere: fetched over HTTPS or read from files,
 * each at its interval, judged, and kept on disk until something better comes. Main thread; what
 * takes long is done by the maker's. Knows not what is made of them.
 *
 * A list is who its name says: whatever is written of where it comes from, what was kept under that
 * name stands in until something came from there and was found good. One of another name is another
 * list.
 */
#ifndef POLICY_IO_LISTS_H
#define POLICY_IO_LISTS_H

#include "fetch/fetch.h"
#include "os/file.h"
#include "os/loop.h"
#include "service/policy/conf.h"
#include "service/policy/judge.h"
#include "service/policy/kept.h"

struct maker;
struct tls_client;

enum { LIST_WHY_MAX = 160 };

enum list_state {
	LIST_RESTS,
	LIST_FETCHES,
	LIST_WAITS, /* what came is to be judged */
	LIST_JUDGED /* it is being judged */
};

/* One that comes from a URL or a file. Its members are for reading. */
struct list {
	struct lists *of;
	char name[POLICY_NAME_MAX + 1];
	char *at; /* owned: the URL or the path */
	bool is_url;
	uint64_t refresh_ms, size_max;
	char *path, *temp; /* owned: what is kept, and what may become it */
	enum list_state state;
	bool has_kept, wanted; /* wanted: private to lists_set */
	/* What is kept is of where the list came from before: it stands in. */
	bool moved;
	uint64_t names_before; /* of what is in force of it, which another text is measured by */
	bool orphan;	       /* the configuration has it no more; freed when it was judged */
	struct kept kept;
	uint64_t checked_s, next_s; /* since 1970: last success, next try; 0: none */
	unsigned failures;	    /* in a row */
	char why[LIST_WHY_MAX];	    /* of the last failure, since the last success; "" */
	/* On its way. */
	struct fetch fetch;
	struct loop_timer timer;
	int fd;		   /* of temp, while it comes; -1 */
	uint64_t came_len; /* of its text */
	bool force;	   /* it may be far shorter, and is asked for whatever we have */
	struct file_state seen;
	/* For the maker's thread, and back. */
	uint64_t most; /* octets of a file */
	struct kept next;
	struct policy_judged judged;
	enum err err;
	const char *refused;
	bool same; /* its text is what we have */
};

struct lists_counts {
	uint64_t fetched, unchanged, failed; /* so far */
};

struct lists {
	struct loop *loop;		      /* borrowed */
	struct maker *maker;		      /* borrowed */
	const char *folder;		      /* borrowed; of the state */
	void (*changed)(void *arg);	      /* the text of one is another now */
	void *arg;			      /* borrowed */
	struct list *items[POLICY_LISTS_MAX]; /* owned */
	size_t n, fetching;
	uint64_t made_n; /* lists, so far */
	struct ip_endpoint resolvers[FETCH_RESOLVERS_MAX];
	size_t resolvers_n;
	struct tls_client *trust; /* counted; NULL: no https */
	struct lists_counts counts;
};

void lists_init(struct lists *l, struct loop *loop, struct maker *maker, const char *folder);
/* From now on those of the configuration; what is there of them stays. trust: NULL: https fails.
 * conf and setup are borrowed for the call. ENOMEM. */
MUST enum err lists_set(struct lists *l, const struct policy_conf *conf,
			const struct policy_conf_setup *setup, struct tls_client *trust);
void lists_done(struct lists *l); /* the maker is idle */

/* NULL: there is none that comes from elsewhere. */
struct list *lists_find(const struct lists *l, struct span name);
/* Now. force: whatever we have, and however short it is. */
void list_refresh(struct list *l, bool force);
/* What was kept of it cannot be read: it is asked for anew, at once. */
void list_lost(struct list *l);
/* So many of its names the policy has that was made last. */
void list_names_are(struct list *l, uint64_t names);
/* Gives the maker one to judge. False: none waits. It must be idle. */
bool lists_give(struct lists *l);

#endif
