/* See house.h. */
#include "serving/house.h"

#include <assert.h>
#include <stdio.h>

void sc_serving_list_put(struct sc_serving_list *list, struct sc_serving_job *job)
{
    job->previous = list->last;
    job->next = NULL;
    if (list->last != NULL)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
}

void sc_serving_list_take(struct sc_serving_list *list, struct sc_serving_job *job)
{
    if (job->previous != NULL)
        job->previous->next = job->next;
    else
        list->first = job->next;
    if (job->next != NULL)
        job->next->previous = job->previous;
    else
        list->last = job->previous;
    job->previous = job->next = NULL;
}

void sc_serving_house_end(struct sc_serving_house *house, struct sc_serving_job *job,
                          const char *failure)
{
    assert(!job->has_ended && house->n_jobs > 0);
    if (failure != NULL)
        snprintf(job->failure, sizeof job->failure, "%s", failure);
    house->counts.n_failed += failure != NULL && !job->is_cancelled;
    house->counts.n_cancelled += job->is_cancelled;
    job->has_ended = true;
    house->n_jobs--;
    pthread_cond_broadcast(&house->arrived); /* who waits for the last one */
    house->wake(job);
    sc_serving_job_leave(job);
}

void sc_serving_house_put(struct sc_serving_house *house, struct sc_serving_job *job)
{
    job->n_holders++;
    house->n_jobs++;
    house->counts.n_requests++;
    house->counts.n_prompt_tokens += sc_serving_job_n_prompt(job);
    if (job->most_new == 0 && job->scores == NULL) { /* an echo of the text alone */
        sc_serving_house_end(house, job, NULL);
        return;
    }
    sc_serving_list_put(job->scores != NULL ? &house->to_score : &house->to_sample, job);
    pthread_cond_broadcast(&house->arrived);
}

static void tidy(struct sc_serving_house *house, struct sc_serving_list *list)
{
    for (struct sc_serving_job *job = list->first, *next; job != NULL; job = next) {
        next = job->next;
        if (!job->is_cancelled || job->n_asked > job->n_done)
            continue;
        sc_serving_list_take(list, job);
        sc_serving_house_end(house, job, "cancelled");
    }
}

void sc_serving_house_tidy(struct sc_serving_house *house)
{
    tidy(house, &house->to_sample);
    tidy(house, &house->to_score);
}
