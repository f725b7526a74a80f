/* What came of a list is judged and takes the place of the last one, in the maker's thread. Knows
 * neither how it came nor what is made of it. */
#ifndef POLICY_IO_JUDGE_H
#define POLICY_IO_JUDGE_H

struct list;

/* Of l it reads what never changes while it is judged, its kept facts and its next ones, and writes
 * next, judged, err, refused and same. A file is copied first. */
void list_judge(struct list *l);

#endif
