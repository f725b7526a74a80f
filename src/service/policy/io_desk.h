/* The service while it lives: its lists, what was made of them, and who asks. Main thread. */
#ifndef POLICY_IO_DESK_H
#define POLICY_IO_DESK_H

#include "control/service_life.h"
#include "policy/io_follow.h"
#include "service/policy/io_compile.h"
#include "service/policy/io_lists.h"
#include "service/policy/io_maker.h"
#include "service/policy/io_neighbours.h"
#include "service/policy/io_pauses.h"

struct desk {
	struct service_life life;
	struct control_face face;
	struct maker maker;
	struct lists lists;
	struct pauses pauses;
	struct neighbour_table neighbours;
	struct loop_timer again; /* after a failure */
	struct policy_follow *follow;
	struct policy_held *held; /* counted; NULL: nothing was made yet */
	struct compile *runs;	  /* in the maker's thread; owned */
	struct compile *made;	  /* the last that went well; owned; NULL: none of this process */
	bool wanted;		  /* another one, when the maker is idle */
	uint64_t generation;
	uint64_t made_n, failed_n;
	char why[LIST_WHY_MAX]; /* why the last making failed; "": it did not */
};

void policy_control_face(struct desk *d, struct control_face *ret);
/* The configuration is read anew; reply: NULL, or who waits for it. */
void policy_reload(void *desk, struct control_reply *reply);

#endif
