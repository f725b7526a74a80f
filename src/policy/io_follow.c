#include "policy/io_follow.h"

#include "os/file.h"
#include "os/log.h"
#include "os/loop.h"
#include "policy/io_devices.h"
#include "policy/pauses.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* A mapped file and the policy in it. */
struct block {
	atomic_size_t refs;
	struct file_map map;
	struct policy *policy;
};

/* A table of devices, mapped. */
struct table {
	atomic_size_t refs;
	struct devices_in in;
};

enum { LEASES, PEERS, NEIGHBOURS, TABLES };

struct policy_held {
	atomic_size_t refs;
	struct block *block; /* counted */
	struct policy_pauses pauses;
	struct table *from[TABLES];  /* counted; NULL: not there */
	struct policy_tables tables; /* views of them */
};

const char *const policy_follow_states[] = {"policy", "dhcp/" POLICY_DEVICES_FOLDER,
					    "vpn/" POLICY_DEVICES_FOLDER, NULL};
static const char *const table_files[TABLES] = {
	[LEASES] = "../dhcp/" POLICY_DEVICES_FOLDER "/" POLICY_DEVICES_FILE,
	[PEERS] = "../vpn/" POLICY_DEVICES_FOLDER "/" POLICY_DEVICES_FILE,
	[NEIGHBOURS] = POLICY_FILE_NEIGHBOURS,
};

/* A file as it was when it was read last. */
struct seen {
	char *path; /* owned */
	struct file_state state;
	bool there;
	bool again; /* it could not be read, which says nothing of what is in it */
};

struct policy_follow {
	struct loop *loop; /* borrowed */
	policy_changed *changed;
	void *arg; /* borrowed */
	struct seen compiled, pauses, tables[TABLES];
	struct table *in[TABLES]; /* counted; NULL: not there */
	struct policy_held *held; /* counted; NULL: none yet */
	struct loop_timer timer;
};

/* --- what is held --- */

static void block_unref(struct block *b)
{
	if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;
	policy_free(b->policy);
	file_unmap(&b->map);
	free(b);
}

static void table_unref(struct table *t)
{
	if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	devices_in_unmap(&t->in);
	free(t);
}

static struct table *table_ref(struct table *t)
{
	if (t)
		(void)atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

static struct block *block_ref(struct block *b)
{
	(void)atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

struct policy_held *policy_held_ref(struct policy_held *h)
{
	if (h)
		(void)atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
	return h;
}

void policy_held_unref(struct policy_held *h)
{
	if (!h || atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) != 1)
		return;
	block_unref(h->block);
	for (size_t i = 0; i < TABLES; i++)
		table_unref(h->from[i]);
	free(h);
}

const struct policy_tables *policy_held_all_tables(const struct policy_held *h)
{
	return &h->tables;
}

const struct policy_tables *policy_held_tables(const struct policy_held *h)
{
	return policy_knows_devices(h->block->policy) ? &h->tables : NULL;
}

const struct policy *policy_held_policy(const struct policy_held *h)
{
	return h->block->policy;
}

const struct policy_pauses *policy_held_pauses(const struct policy_held *h)
{
	return &h->pauses;
}

/* --- files --- */

/* True: it is another one than before, or it has come. One that has gone is no change. */
static bool has_changed(struct seen *s)
{
	struct file_state now;
	if (file_stat(s->path, &now) != OK)
		return false;
	bool same = s->there && !s->again && now.mtime_ns == s->state.mtime_ns &&
		    now.size == s->state.size && now.inode == s->state.inode;
	s->state = now;
	s->there = true;
	s->again = false;
	return !same;
}

/* A table that is written to has another time each moment, and stays what it is. */
static bool has_been_replaced(struct seen *s)
{
	struct file_state now;
	if (file_stat(s->path, &now) != OK)
		return false;
	bool same =
		s->there && !s->again && now.size == s->state.size && now.inode == s->state.inode;
	s->state = now;
	s->there = true;
	s->again = false;
	return !same;
}

static enum err block_open(const char *path, struct block **ret)
{
	struct block *b = calloc(1, sizeof(*b));
	if (!b)
		return ENOMEM;
	atomic_init(&b->refs, 1);
	enum err e = file_map(path, &b->map);
	if (!e)
		e = policy_open(b->map.bytes, &b->policy);
	if (e) {
		block_unref(b);
		return e;
	}
	*ret = b;
	return OK;
}

/* Without a file nothing is paused. */
static enum err pauses_read(const char *path, const struct policy *p, struct policy_pauses *ret)
{
	char *bytes = NULL;
	size_t len = 0;
	enum err e = file_read(path, POLICY_PAUSES_LEN_MAX, &bytes, &len);
	if (e == (enum err)ENOENT)
		*ret = (struct policy_pauses){0};
	else if (!e)
		e = policy_pauses_read(p, span_of(bytes, len), ret);
	free(bytes);
	return e == (enum err)ENOENT ? OK : e;
}

/* block: counted for it. */
static enum err take(struct policy_follow *f, struct block *block)
{
	struct policy_held *h = calloc(1, sizeof(*h));
	if (!h) {
		block_unref(block);
		return ENOMEM;
	}
	atomic_init(&h->refs, 1);
	h->block = block;
	struct policy_devices *const views[TABLES] = {&h->tables.leases, &h->tables.peers,
						      &h->tables.neighbours};
	for (size_t i = 0; i < TABLES; i++) {
		h->from[i] = table_ref(f->in[i]);
		if (h->from[i])
			*views[i] = h->from[i]->in.table;
	}
	enum err e = pauses_read(f->pauses.path, block->policy, &h->pauses);
	if (e)
		log_warning("the pauses of the policy cannot be read: nothing is paused",
			    LOG_TEXT("file", f->pauses.path), LOG_ERR(e));
	policy_held_unref(f->held);
	f->held = h;
	f->changed(f->arg, h);
	return OK;
}

/* Of the file itself: it will be no better until it is another one. */
static bool is_of_file(enum err e)
{
	return e == ERR_FORMAT || e == ERR_UNSUPPORTED;
}

static enum err table_open(const char *path, struct table **ret)
{
	struct table *t = calloc(1, sizeof(*t));
	if (!t)
		return ENOMEM;
	atomic_init(&t->refs, 1);
	enum err e = devices_in_map(path, &t->in);
	if (e)
		free(t);
	else
		*ret = t;
	return e;
}

/* True: one of them is another one. */
static bool look_at_tables(struct policy_follow *f)
{
	bool changed = false;
	for (size_t i = 0; i < TABLES; i++) {
		struct table *next = NULL;
		bool was_again = f->tables[i].again;
		if (!has_been_replaced(&f->tables[i]))
			continue;
		enum err e = table_open(f->tables[i].path, &next);
		f->tables[i].again = e && !is_of_file(e);
		if (e && !was_again)
			log_warning("a table of devices is not good: the one before stays",
				    LOG_TEXT("file", f->tables[i].path), LOG_ERR(e));
		if (e)
			continue;
		table_unref(f->in[i]);
		f->in[i] = next;
		changed = true;
	}
	return changed;
}

static void look(void *arg)
{
	struct policy_follow *f = arg;
	struct block *block = NULL;
	bool was_again = f->compiled.again;
	bool pauses = has_changed(&f->pauses), compiled = has_changed(&f->compiled);
	bool tables = look_at_tables(f);
	enum err e = OK;
	if (compiled)
		e = block_open(f->compiled.path, &block);
	if (compiled)
		f->compiled.again = e && !is_of_file(e);
	if (e && !was_again)
		log_warning("the policy's file is not good: what was in force stays",
			    LOG_TEXT("file", f->compiled.path), LOG_ERR(e));
	if (!block && (pauses || tables) && f->held)
		block = block_ref(f->held->block);
	e = block ? take(f, block) : OK;
	f->compiled.again = f->compiled.again || e;
	if (e && !was_again)
		log_warning("no memory for another policy: what was in force stays");
	loop_timer_set_after(f->loop, &f->timer, POLICY_FOLLOW_MS);
}

/* --- life --- */

static char *path_of(const char *folder, const char *file)
{
	char *path = NULL;
	return asprintf(&path, "%s/%s", folder, file) < 0 ? NULL : path;
}

enum err policy_follow_new(struct loop *loop, const char *folder, policy_changed *changed,
			   void *arg, struct policy_follow **ret)
{
	struct policy_follow *f = calloc(1, sizeof(*f));
	if (!f)
		return ENOMEM;
	*f = (struct policy_follow){.loop = loop, .changed = changed, .arg = arg};
	loop_timer_init(&f->timer, look, f);
	f->compiled.path = path_of(folder, POLICY_FILE_COMPILED);
	f->pauses.path = path_of(folder, POLICY_FILE_PAUSES);
	bool all = f->compiled.path && f->pauses.path;
	for (size_t i = 0; i < TABLES; i++) {
		f->tables[i].path = path_of(folder, table_files[i]);
		all = all && f->tables[i].path;
	}
	if (!all) {
		policy_follow_free(f);
		return ENOMEM;
	}
	look(f);
	*ret = f;
	return OK;
}

void policy_follow_free(struct policy_follow *f)
{
	if (!f)
		return;
	loop_timer_cancel(f->loop, &f->timer);
	policy_held_unref(f->held);
	free(f->compiled.path);
	free(f->pauses.path);
	for (size_t i = 0; i < TABLES; i++) {
		table_unref(f->in[i]);
		free(f->tables[i].path);
	}
	free(f);
}

void policy_follow_now(struct policy_follow *f)
{
	look(f);
}

struct policy_held *policy_follow_get(const struct policy_follow *f)
{
	return policy_held_ref(f->held);
}
