"""The paper: routing of reasoning paths and mutual-student distillation, as free functions of tensors.

Source: Lei et al., "Learning from Diverse Reasoning Paths with Routing and Collaboration", EMNLP 2025
(arXiv 2508.16861). This room imports torch and nothing of qrd: it does not know what a file, a tokenizer
or a trainer is.

Equation -> function

=========  ======================================================  ===========================================
equation   what it says                                            here
=========  ======================================================  ===========================================
1          h_j = Enc(R_j), frozen                                  the caller's: ``Router`` takes embeddings
2          alpha_j = GumbelSoftmax(MLP(h_j))                       ``router.Router``, ``router.draw_gates``
3          mean of alpha over students and paths                   ``router.mean_load``
4          binary entropy of that mean                             ``router.load_entropy``
5          z~_s = Proj_s(z_s)                                      ``mutual.Projection``, ``mutual.project``
6          gamma_s = softmax_s(w_s . mean_t z~_s)                  ``mutual.competence``
7          z_ens = sum_s gamma_s z~_s                              ``mutual.ensemble``
8          sum over students and paths of || z~_s - z_ens ||^2     ``mutual.peer_loss``
9          L = sum_s L_distill(s) + entropy and mutual terms       ``objective.distill_loss``,
                                                                   ``objective.total_loss``
=========  ======================================================  ===========================================

How we differ (the numbers are used again where the code departs)

1.  The entropy of eq. 4 is subtracted, since it is to grow.
2.  Two routings, ``independent`` (one binary gate per student) and ``exclusive`` (one S-way draw); ``none``
    sends every path to every student.
3.  Loads are means of the soft probabilities, by default balanced for each student; ``global`` is eq. 3 and 4
    to the letter.
4.  L_distill carries straight-through gates, so the router learns from the losses of the selected pairs. It
    is normalised over the target tokens of the whole accumulation window.
5.  The encoder is frozen, so embeddings come from outside, computed once. The router standardises them with
    the mean and deviation of the training paths: mean-pooled encoder states share one large common direction,
    which would otherwise hide what tells two paths apart.
6.  Two tokenizers share no time axis: hidden states are averaged over words of the response (``words``).
7.  z~ is layer-normalised without affine parameters, the ensemble is a target without gradient, the squared
    error is a mean over words, dimensions and the window's co-routed paths, so that its weight depends on none
    of them. The competence vectors learn from a loss of their own.
    Projections have no bias, which would be the cheapest way to one constant vector for every word.
9.  All mutual terms are computed in float32.

Beyond the paper

``--router-input path+state``: the router also sees each student's running mean loss on the path, standardised
over the paths that the student has seen (``memory``). A pair that was never run stands at the student's mean.

``--route-by gain``: the router's lesson is not how low the student's loss on a path is (departure 4) but how far
it fell from the running mean of this path and student (``objective.gain_loss``). Low loss attracts what a student
can do already; a falling loss attracts what it is learning. A pair's first run teaches the router nothing, so the
first epoch routes by chance, and falls are small beside losses, so the entropy term weighs more. The students'
own losses are the same in both.

Departures 8 (masks) and 10 (three verdicts) belong to other rooms.
"""
