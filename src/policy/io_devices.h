/* A table of devices (device.h) as a file: the one writer's end, and a reader's. The writer makes
 * another file, twice as large, when there is no room, and puts it into the place of the first;
 * what it says is seen by who has mapped it, without a call. Knows no service. */
#ifndef POLICY_IO_DEVICES_H
#define POLICY_IO_DEVICES_H

#include "policy/device.h"

/* The folder of a service's state that readers may see into, and the file in it. */
#define POLICY_DEVICES_FOLDER "devices"
#define POLICY_DEVICES_FILE   "table"

/* To begin with, 1 MiB: what grows is seen by readers half a second later. */
enum { DEVICES_OUT_SLOTS = 4096 };

struct devices_out;

/* A table without records at folder/file, which nobody sees yet: put what is known, and show it.
 * The folder is made when it is not there. Errors of the system. */
MUST enum err devices_out_new(const char *folder, const char *file, struct devices_out **ret);
/* In the place of what was there; once. */
MUST enum err devices_out_show(struct devices_out *o);
/* The file stays: what it says holds until its ends. Accepts NULL. */
void devices_out_free(struct devices_out *o);

/* These accept NULL. What there is no room for, in the largest table, is counted. */
void devices_out_put(struct devices_out *o, const struct policy_device_key *key,
		     const struct policy_device *d);
void devices_out_remove(struct devices_out *o, const struct policy_device_key *key);
void devices_out_breathe(struct devices_out *o, uint64_t now_s);
/* For its writer. False: it is not there. */
bool devices_out_find(const struct devices_out *o, const struct policy_device_key *key,
		      struct policy_device *ret);

struct devices_out_counts {
	size_t records;
	uint64_t left_out; /* for want of room */
};
void devices_out_count(const struct devices_out *o, struct devices_out_counts *ret);

/* A reader's. ENOENT; ERR_FORMAT, ERR_UNSUPPORTED as policy_devices_open. */
struct devices_in {
	struct policy_devices table; /* without words: nothing is mapped */
	void *base;
	size_t size;
};
MUST enum err devices_in_map(const char *path, struct devices_in *ret);
void devices_in_unmap(struct devices_in *in);

#endif
