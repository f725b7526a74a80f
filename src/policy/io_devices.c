#include "policy/io_devices.h"

#include "os/clock.h"
#include "os/file.h"
#include "os/shared_file.h"

#include <stdio.h>
#include <stdlib.h>

/* Until the largest is looked through again for records that are over. */
enum { FULL_S = 10 };

struct devices_out {
	/* Owned: where it is shown; where it lies until then, as another one of that path may be
	 * shown and grow meanwhile; and where a larger one is made, within one call. */
	char *path, *first, *next;
	struct shared_file file;
	struct policy_devices table;
	struct devices_out_counts counts;
	uint64_t full_until_s; /* until then there is no room in the largest */
	bool shown;
};

static const char *place_of(const struct devices_out *o)
{
	return o->shown ? o->path : o->first;
}

static enum err make(const char *path, size_t slots, struct shared_file *ret_file,
		     struct policy_devices *ret)
{
	uint8_t key[SIPHASH_KEY_LEN];
	TRY(shared_file_random(key, sizeof(key)));
	TRY(shared_file_make(path, policy_devices_size(slots), ret_file));
	policy_devices_begin(ret_file->base, slots, hash_key_of(key), ret);
	return OK;
}

enum err devices_out_new(const char *folder, const char *file, struct devices_out **ret)
{
	TRY(dir_ensure(folder, 0700));
	struct devices_out *o = calloc(1, sizeof(*o));
	if (!o)
		return ENOMEM;
	if (asprintf(&o->path, "%s/%s", folder, file) < 0)
		o->path = NULL;
	if (asprintf(&o->first, "%s/%s.first.new", folder, file) < 0)
		o->first = NULL;
	if (asprintf(&o->next, "%s/%s.new", folder, file) < 0)
		o->next = NULL;
	enum err e = o->path && o->first && o->next ? OK : (enum err)ENOMEM;
	if (!e)
		e = make(o->first, DEVICES_OUT_SLOTS, &o->file, &o->table);
	if (e)
		devices_out_free(o);
	else
		*ret = o;
	return e;
}

enum err devices_out_show(struct devices_out *o)
{
	enum err e = shared_file_place(o->first, o->path);
	o->shown = !e;
	return e;
}

void devices_out_free(struct devices_out *o)
{
	if (!o)
		return;
	if (!o->shown && o->file.base)
		shared_file_remove(o->first);
	shared_file_unmap(&o->file);
	free(o->path);
	free(o->first);
	free(o->next);
	free(o);
}

/* Into one of at least so many slots, without what is over. */
static enum err move(struct devices_out *o, size_t slots, uint64_t now_s)
{
	struct shared_file file;
	struct policy_devices table;
	enum err e = ERR_LIMIT;
	for (; e == ERR_LIMIT && slots <= POLICY_DEVICES_SLOTS_MAX; slots *= 2) {
		TRY(make(o->next, slots, &file, &table));
		e = policy_devices_copy(&o->table, now_s, &table);
		if (!e)
			e = shared_file_place(o->next, place_of(o));
		if (e) {
			shared_file_unmap(&file);
			shared_file_remove(o->next);
		}
	}
	if (e)
		return e;
	shared_file_unmap(&o->file);
	o->file = file;
	o->table = table;
	return OK;
}

/* Twice as large, or as large again when most of it is over. Of the largest, what is over makes
 * room; to look for that takes long. */
static enum err grow(struct devices_out *o)
{
	uint64_t now_s = clock_wall_s();
	size_t slots = o->table.slots;
	bool largest = slots == POLICY_DEVICES_SLOTS_MAX;
	if (largest && now_s < o->full_until_s)
		return ERR_LIMIT;
	o->full_until_s = largest ? now_s + FULL_S : 0;
	if (policy_devices_current(&o->table, now_s) > slots / 4 && !largest)
		slots *= 2;
	return move(o, slots, now_s);
}

void devices_out_put(struct devices_out *o, const struct policy_device_key *key,
		     const struct policy_device *d)
{
	if (!o)
		return;
	enum err e = policy_devices_put(&o->table, key, d);
	if (!e)
		return;
	e = grow(o);
	if (!e)
		e = policy_devices_put(&o->table, key, d);
	o->counts.left_out += e != OK;
}

void devices_out_remove(struct devices_out *o, const struct policy_device_key *key)
{
	if (o)
		policy_devices_remove(&o->table, key);
}

void devices_out_breathe(struct devices_out *o, uint64_t now_s)
{
	if (o)
		policy_devices_breathe(&o->table, now_s);
}

bool devices_out_find(const struct devices_out *o, const struct policy_device_key *key,
		      struct policy_device *ret)
{
	return o && policy_devices_find(&o->table, key, 0, ret);
}

void devices_out_count(const struct devices_out *o, struct devices_out_counts *ret)
{
	*ret = o ? o->counts : (struct devices_out_counts){0};
	ret->records = o ? policy_devices_count(&o->table) : 0;
}

/* --- a reader --- */

enum err devices_in_map(const char *path, struct devices_in *ret)
{
	struct shared_file file;
	struct devices_in in = {0};
	TRY(shared_file_see(path, policy_devices_size(POLICY_DEVICES_SLOTS_MAX), &file));
	enum err e = policy_devices_open(span_of(file.base, file.size), &in.table);
	if (e) {
		shared_file_unmap(&file);
		return e;
	}
	in.base = file.base;
	in.size = file.size;
	*ret = in;
	return OK;
}

void devices_in_unmap(struct devices_in *in)
{
	struct shared_file file = {in->base, in->size};
	shared_file_unmap(&file);
	*in = (struct devices_in){0};
}
