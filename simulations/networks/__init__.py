"""Two-layer ReLU networks on modular arithmetic and sparse parity, trained by any rule.

`settings` names what is trained and how, `training.train` carries out one run, `campaign.run` many, and
`record.TrainingRun` is what a run leaves. A run is decided by its setting, its rule and step size, and its seed:
data, initial weights and the order of the examples are drawn from three streams of the seed, the same for every rule.

What runs say is read off afterwards, from what they store: `standings` (epochs to arrival over seeds, beside gradient
descent and the paper), `transition` (spectrum, alignment and distance from memorisation to arrival), `outlook` (what
linear theory said at memorisation), `portraits` (for the figure). `controls` and `tuning` name rules and choose steps.

A run on disk
-------------
One directory for each setting. ``parameters.json`` holds ``version`` and ``setting`` (all that decides a run;
`epochs` and `linger`, which say for how long it goes on, are left out, so that a censored run can be carried on).
Each run is one file, ``RULE-seedN.npz``, replaced as a whole at each checkpoint and complete at any moment:
`record.TrainingRun.load` reads a run on its way like a finished one. It holds no wall-clock time, and a run that was
killed and resumed has the same bytes as one that was not.

================================  ====================================================================================
array                             what it is
================================  ====================================================================================
``record``                        JSON text: setting, rule, step, seed, epochs E, arrival, memorised, switched,
                                  stop_reason (empty while on its way), and the shape of the rule's state
``curves/NAME``                   (E + 1,), after epochs 0 … E: ``train_``, ``test_``, ``validation_accuracy``;
                                  ``train_``, ``test_loss`` without the L2 term; ``batch_loss``, the mean over the
                                  epoch's minibatches as they came; ``step_norm``, the mean of η‖D‖ over its steps of
                                  W₁; ``norm_first``, ``norm_second``, ``distance_first``, ``distance_second``:
                                  Frobenius norms of W₁ and W₂ and of what they moved from the start. NaN where there
                                  is no such thing (validation without `stop_egd_at`, batches at epoch 0)
``measured_epochs``               (M,), of about 60 for each factor of ten, and of memorisation and arrival
``measures/singular_values``      (M, min(inputs, hidden)), of the gradient of W₁ on the whole training set, L2 term
                                  included, in descending order
``measures/singular_directions``  (M, inputs, 32), the input-side singular vectors of the largest of these as columns,
                                  each up to its sign
``kept_epochs``                   (K,), of about 12 for each factor of ten, and of memorisation and arrival
``kept/first, bias, second``      weights at these epochs (K, inputs, hidden), (K, hidden), (K, hidden, outputs)
``weights/…``                     weights after epoch E
``state/…``                       what the rule keeps between steps
================================  ====================================================================================

The examples are not stored: ``setting.task.data(numpy.random.default_rng([seed, 0]), setting.held_back,
setting.dtype)`` deals them out again. W₁ is stored inputs × hidden; the rules' G is its transpose, fan-out × fan-in.
"""
