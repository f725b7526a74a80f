/* The kernel's neighbours as those who obey see them: which hardware address an address of an
 * attached network has, in a table that they map (policy/io_devices.h). Knows no groups. */
#ifndef POLICY_IO_NEIGHBOURS_H
#define POLICY_IO_NEIGHBOURS_H

#include "base/err.h"
#include "os/loop.h"
#include "os/neighbours.h"
#include "policy/io_devices.h"

struct neighbour_table {
	struct neighbours kernel;
	struct devices_out *out, *next; /* next: it is filled, while everything is told anew */
	struct loop *loop;		/* borrowed */
	struct loop_watch watch;
	struct loop_timer again;
	char *folder;	     /* owned */
	uint64_t told, lost; /* since the start */
	bool broken;	     /* it was told that it is */
};

/* Before the sandbox. What cannot be opened is logged, and then nothing is told of neighbours. */
void neighbour_table_open(struct neighbour_table *t);
/* folder: of the policy; copied. wanted: the configuration wants them; else what is there goes. */
void neighbour_table_begin(struct neighbour_table *t, struct loop *loop, const char *folder,
			   bool wanted);
/* As neighbour_table_begin, after a reload. */
void neighbour_table_set(struct neighbour_table *t, bool wanted);
void neighbour_table_done(struct neighbour_table *t); /* accepts one that was only opened */

#endif
