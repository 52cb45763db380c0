(* Tensors over finite index sets of any size: an entry for each index, and sums over the first n of them. *)
From Coq Require Import Reals Lra Lia.
Open Scope R_scope.

Definition vector := nat -> R.
Definition matrix := nat -> nat -> R.

Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with
  | O => 0
  | S m => sum m f + f m
  end.

Definition softmax (n : nat) (f : nat -> R) (i : nat) : R := exp (f i) / sum n (fun j => exp (f j)).

(* u·v, |u|², |u|; ⟨A, B⟩ = tr(AᵀB), ‖A‖², ‖A‖ (Frobenius) of n × m matrices. *)
Definition dot (n : nat) (u v : vector) : R := sum n (fun i => u i * v i).
Definition norm2 (n : nat) (u : vector) : R := dot n u u.
Definition norm (n : nat) (u : vector) : R := sqrt (norm2 n u).
Definition inner (n m : nat) (A B : matrix) : R := sum n (fun i => sum m (fun j => A i j * B i j)).
Definition fro2 (n m : nat) (A : matrix) : R := inner n m A A.
Definition fro (n m : nat) (A : matrix) : R := sqrt (fro2 n m A).

(* W k, vᵀW, u kᵀ, AB (l the size of the summed axis), Aᵀ, A + B, A − B, c A. *)
Definition mv (m : nat) (W : matrix) (k : vector) : vector := fun i => sum m (fun j => W i j * k j).
Definition vm (n : nat) (v : vector) (W : matrix) : vector := fun j => sum n (fun i => v i * W i j).
Definition outer (u k : vector) : matrix := fun i j => u i * k j.
Definition mm (l : nat) (A B : matrix) : matrix := fun i j => sum l (fun a => A i a * B a j).
Definition transpose (A : matrix) : matrix := fun i j => A j i.
Definition vadd (u v : vector) : vector := fun i => u i + v i.
Definition vsub (u v : vector) : vector := fun i => u i - v i.
Definition vscal (c : R) (u : vector) : vector := fun i => c * u i.
Definition madd (A B : matrix) : matrix := fun i j => A i j + B i j.
Definition msub (A B : matrix) : matrix := fun i j => A i j - B i j.
Definition mscal (c : R) (A : matrix) : matrix := fun i j => c * A i j.

(* v − W k, what is still to be learnt at the key k. *)
Definition error (m : nat) (W : matrix) (v k : vector) : vector := fun i => v i - mv m W k i.

(* Sums are linear, commute with one another and depend on the first n entries only. *)
Lemma sum_ext : forall n f g, (forall i, (i < n)%nat -> f i = g i) -> sum n f = sum n g.
Proof. induction n; intros f g H; simpl; [reflexivity|]. rewrite (IHn f g), (H n); auto. Qed.

Lemma sum_zero : forall n, sum n (fun _ => 0) = 0.
Proof. induction n; simpl; lra. Qed.

Lemma sum_eq_zero : forall n f, (forall i, (i < n)%nat -> f i = 0) -> sum n f = 0.
Proof. intros n f H. rewrite <- (sum_zero n). now apply sum_ext. Qed.

Lemma sum_const : forall n c, sum n (fun _ => c) = INR n * c.
Proof. induction n; intros c; [simpl; lra|]. rewrite S_INR. simpl. rewrite IHn. lra. Qed.

Lemma sum_plus : forall n f g, sum n (fun i => f i + g i) = sum n f + sum n g.
Proof. induction n; intros f g; simpl; [lra|]. rewrite IHn. lra. Qed.

Lemma sum_minus : forall n f g, sum n (fun i => f i - g i) = sum n f - sum n g.
Proof. induction n; intros f g; simpl; [lra|]. rewrite IHn. lra. Qed.

Lemma sum_opp : forall n f, sum n (fun i => - f i) = - sum n f.
Proof. induction n; intros f; simpl; [lra|]. rewrite IHn. lra. Qed.

Lemma sum_scal_l : forall n c f, sum n (fun i => c * f i) = c * sum n f.
Proof. induction n; intros c f; simpl; [lra|]. rewrite IHn. lra. Qed.

Lemma sum_scal_r : forall n c f, sum n (fun i => f i * c) = sum n f * c.
Proof. induction n; intros c f; simpl; [lra|]. rewrite IHn. lra. Qed.

Lemma sum_swap : forall n m f,
  sum n (fun i => sum m (fun j => f i j)) = sum m (fun j => sum n (fun i => f i j)).
Proof. induction n; intros m f; simpl; [now rewrite sum_zero|]. rewrite IHn, sum_plus. reflexivity. Qed.

Lemma sum_mult : forall n m f g,
  sum n (fun i => sum m (fun j => f i * g j)) = sum n f * sum m g.
Proof.
  intros n m f g. rewrite <- sum_scal_r. apply sum_ext; intros i _. apply sum_scal_l.
Qed.

Lemma sum_nonneg : forall n f, (forall i, (i < n)%nat -> 0 <= f i) -> 0 <= sum n f.
Proof.
  induction n; intros f H; simpl; [lra|].
  apply Rplus_le_le_0_compat; [apply IHn; intros i Hi; apply H; lia | apply H; lia].
Qed.

Lemma sum_pos : forall n f, (0 < n)%nat -> (forall i, (i < n)%nat -> 0 < f i) -> 0 < sum n f.
Proof.
  intros [|n] f Hn H; [lia|]. simpl. apply Rplus_le_lt_0_compat; [|apply H; lia].
  apply sum_nonneg; intros i Hi. apply Rlt_le, H. lia.
Qed.

Lemma sum_le : forall n f g, (forall i, (i < n)%nat -> f i <= g i) -> sum n f <= sum n g.
Proof.
  induction n; intros f g H; simpl; [lra|].
  apply Rplus_le_compat; [apply IHn; intros i Hi; apply H; lia | apply H; lia].
Qed.

(* A term of a sum of nonnegative terms is at most the sum. *)
Lemma sum_term_le : forall n f i, (forall i, (i < n)%nat -> 0 <= f i) -> (i < n)%nat -> f i <= sum n f.
Proof.
  induction n; intros f i H Hi; [lia|]. simpl.
  assert (0 <= sum n f) by (apply sum_nonneg; intros j Hj; apply H; lia).
  destruct (Nat.eq_dec i n) as [->|Hne]; [lra|].
  assert (f i <= sum n f) by (apply IHn; [intros j Hj; apply H; lia | lia]).
  assert (0 <= f n) by (apply H; lia). lra.
Qed.

Lemma sum_eq_zero_inv : forall n f,
  (forall i, (i < n)%nat -> 0 <= f i) -> sum n f = 0 -> forall i, (i < n)%nat -> f i = 0.
Proof.
  intros n f H H0 i Hi. apply Rle_antisym; [|now apply H]. rewrite <- H0. now apply sum_term_le.
Qed.

(* Σ_j δ_ij f_j = f_i *)
Lemma sum_single : forall n f i, (i < n)%nat -> sum n (fun j => if Nat.eq_dec i j then f j else 0) = f i.
Proof.
  induction n; intros f i Hi; [lia|]. simpl. destruct (Nat.eq_dec i n) as [->|Hne].
  - rewrite sum_eq_zero; [lra|]. intros j Hj. destruct (Nat.eq_dec n j); [lia|reflexivity].
  - rewrite IHn; [lra|lia].
Qed.

(* The sum over the first n + m indices, in two parts. *)
Lemma sum_app : forall n m f, sum (n + m) f = sum n f + sum m (fun i => f (n + i)%nat).
Proof.
  intros n m f. induction m; simpl; [rewrite Nat.add_0_r; lra|]. rewrite Nat.add_succ_r. simpl. rewrite IHm. lra.
Qed.

(* The inner products are symmetric, bilinear and nonnegative on the diagonal. *)
Lemma dot_ext : forall n u u' v v',
  (forall i, (i < n)%nat -> u i = u' i) -> (forall i, (i < n)%nat -> v i = v' i) -> dot n u v = dot n u' v'.
Proof. intros n u u' v v' Hu Hv. apply sum_ext; intros i Hi. rewrite Hu, Hv; auto. Qed.

Lemma dot_sym : forall n u v, dot n u v = dot n v u.
Proof. intros. apply sum_ext; intros. ring. Qed.

Lemma dot_plus_l : forall n u u' v, dot n (fun i => u i + u' i) v = dot n u v + dot n u' v.
Proof. intros. unfold dot. rewrite <- sum_plus. apply sum_ext; intros. ring. Qed.

Lemma dot_minus_l : forall n u u' v, dot n (fun i => u i - u' i) v = dot n u v - dot n u' v.
Proof. intros. unfold dot. rewrite <- sum_minus. apply sum_ext; intros. ring. Qed.

Lemma dot_scal_l : forall n c u v, dot n (fun i => c * u i) v = c * dot n u v.
Proof. intros. unfold dot. rewrite <- sum_scal_l. apply sum_ext; intros. ring. Qed.

Lemma dot_plus_r : forall n u v v', dot n u (fun i => v i + v' i) = dot n u v + dot n u v'.
Proof. intros. rewrite dot_sym, dot_plus_l, (dot_sym n v), (dot_sym n v'). reflexivity. Qed.

Lemma dot_minus_r : forall n u v v', dot n u (fun i => v i - v' i) = dot n u v - dot n u v'.
Proof. intros. rewrite dot_sym, dot_minus_l, (dot_sym n v), (dot_sym n v'). reflexivity. Qed.

Lemma dot_scal_r : forall n c u v, dot n u (fun i => c * v i) = c * dot n u v.
Proof. intros. rewrite dot_sym, dot_scal_l, (dot_sym n v). reflexivity. Qed.

Lemma norm2_ext : forall n u v, (forall i, (i < n)%nat -> u i = v i) -> norm2 n u = norm2 n v.
Proof. intros. now apply dot_ext. Qed.

Lemma norm2_nonneg : forall n u, 0 <= norm2 n u.
Proof. intros. apply sum_nonneg; intros. apply Rle_0_sqr. Qed.

Lemma norm2_scal : forall n c u, norm2 n (fun i => c * u i) = c ^ 2 * norm2 n u.
Proof. intros. unfold norm2. rewrite dot_scal_l, dot_scal_r. ring. Qed.

Lemma norm2_plus : forall n u v, norm2 n (fun i => u i + v i) = norm2 n u + 2 * dot n u v + norm2 n v.
Proof. intros. unfold norm2. rewrite dot_plus_l, !dot_plus_r, (dot_sym n v u). ring. Qed.

Lemma norm2_minus : forall n u v, norm2 n (fun i => u i - v i) = norm2 n u - 2 * dot n u v + norm2 n v.
Proof. intros. unfold norm2. rewrite dot_minus_l, !dot_minus_r, (dot_sym n v u). ring. Qed.

(* |u|² = 0 only for u = 0. *)
Lemma norm2_eq_zero : forall n u, norm2 n u = 0 -> forall i, (i < n)%nat -> u i = 0.
Proof.
  intros n u H i Hi. apply Rsqr_0_uniq.
  apply (sum_eq_zero_inv n (fun i => u i * u i)); [intros; apply Rle_0_sqr | exact H | exact Hi].
Qed.

Lemma norm_nonneg : forall n u, 0 <= norm n u.
Proof. intros. apply sqrt_pos. Qed.

Lemma norm_sqr : forall n u, norm n u * norm n u = norm2 n u.
Proof. intros. apply sqrt_sqrt, norm2_nonneg. Qed.

Lemma norm_ext : forall n u v, (forall i, (i < n)%nat -> u i = v i) -> norm n u = norm n v.
Proof. intros. unfold norm. now rewrite (norm2_ext n u v). Qed.

Lemma norm_scal : forall n c u, norm n (fun i => c * u i) = Rabs c * norm n u.
Proof.
  intros. unfold norm. rewrite norm2_scal, sqrt_mult; [|apply pow2_ge_0 | apply norm2_nonneg].
  f_equal. replace (c ^ 2) with (Rsqr c) by (unfold Rsqr; ring). apply sqrt_Rsqr_abs.
Qed.

Lemma inner_ext : forall n m A A' B B',
  (forall i j, (i < n)%nat -> (j < m)%nat -> A i j = A' i j) ->
  (forall i j, (i < n)%nat -> (j < m)%nat -> B i j = B' i j) -> inner n m A B = inner n m A' B'.
Proof.
  intros n m A A' B B' HA HB. apply sum_ext; intros i Hi. apply sum_ext; intros j Hj. rewrite HA, HB; auto.
Qed.

(* ⟨A, B⟩ = Σ_i A_i·B_i, row by row: what is true of dot is lifted to inner by it. *)
Lemma inner_rows : forall n m A B, inner n m A B = sum n (fun i => dot m (A i) (B i)).
Proof. reflexivity. Qed.

Lemma inner_sym : forall n m A B, inner n m A B = inner n m B A.
Proof. intros. rewrite !inner_rows. apply sum_ext; intros. apply dot_sym. Qed.

Lemma inner_plus_l : forall n m A A' B, inner n m (fun i j => A i j + A' i j) B = inner n m A B + inner n m A' B.
Proof. intros. rewrite !inner_rows, <- sum_plus. apply sum_ext; intros. apply dot_plus_l. Qed.

Lemma inner_minus_l : forall n m A A' B, inner n m (fun i j => A i j - A' i j) B = inner n m A B - inner n m A' B.
Proof. intros. rewrite !inner_rows, <- sum_minus. apply sum_ext; intros. apply dot_minus_l. Qed.

Lemma inner_scal_l : forall n m c A B, inner n m (fun i j => c * A i j) B = c * inner n m A B.
Proof. intros. rewrite !inner_rows, <- sum_scal_l. apply sum_ext; intros. apply dot_scal_l. Qed.

Lemma inner_plus_r : forall n m A B B', inner n m A (fun i j => B i j + B' i j) = inner n m A B + inner n m A B'.
Proof. intros. rewrite !inner_rows, <- sum_plus. apply sum_ext; intros. apply dot_plus_r. Qed.

Lemma inner_minus_r : forall n m A B B', inner n m A (fun i j => B i j - B' i j) = inner n m A B - inner n m A B'.
Proof. intros. rewrite !inner_rows, <- sum_minus. apply sum_ext; intros. apply dot_minus_r. Qed.

Lemma inner_scal_r : forall n m c A B, inner n m A (fun i j => c * B i j) = c * inner n m A B.
Proof. intros. rewrite !inner_rows, <- sum_scal_l. apply sum_ext; intros. apply dot_scal_r. Qed.

Lemma inner_transpose : forall n m A B, inner n m A B = inner m n (transpose A) (transpose B).
Proof. intros. unfold inner, transpose. apply sum_swap. Qed.

Lemma fro2_ext : forall n m A B,
  (forall i j, (i < n)%nat -> (j < m)%nat -> A i j = B i j) -> fro2 n m A = fro2 n m B.
Proof. intros. now apply inner_ext. Qed.

Lemma fro2_nonneg : forall n m A, 0 <= fro2 n m A.
Proof. intros. apply sum_nonneg; intros. apply norm2_nonneg. Qed.

Lemma fro2_scal : forall n m c A, fro2 n m (fun i j => c * A i j) = c ^ 2 * fro2 n m A.
Proof. intros. unfold fro2. rewrite inner_scal_l, inner_scal_r. ring. Qed.

Lemma fro2_plus : forall n m A B,
  fro2 n m (fun i j => A i j + B i j) = fro2 n m A + 2 * inner n m A B + fro2 n m B.
Proof. intros. unfold fro2. rewrite inner_plus_l, !inner_plus_r, (inner_sym n m B A). ring. Qed.

Lemma fro2_minus : forall n m A B,
  fro2 n m (fun i j => A i j - B i j) = fro2 n m A - 2 * inner n m A B + fro2 n m B.
Proof. intros. unfold fro2. rewrite inner_minus_l, !inner_minus_r, (inner_sym n m B A). ring. Qed.

Lemma fro2_transpose : forall n m A, fro2 n m A = fro2 m n (transpose A).
Proof. intros. apply inner_transpose. Qed.

Lemma fro2_eq_zero : forall n m A,
  fro2 n m A = 0 -> forall i j, (i < n)%nat -> (j < m)%nat -> A i j = 0.
Proof.
  intros n m A H i j Hi Hj. apply (norm2_eq_zero m (A i)); [|exact Hj].
  apply (sum_eq_zero_inv n (fun i => norm2 m (A i))); [intros; apply norm2_nonneg | exact H | exact Hi].
Qed.

Lemma fro_nonneg : forall n m A, 0 <= fro n m A.
Proof. intros. apply sqrt_pos. Qed.

Lemma fro_sqr : forall n m A, fro n m A * fro n m A = fro2 n m A.
Proof. intros. apply sqrt_sqrt, fro2_nonneg. Qed.

(* A nonnegative quadratic form a x² + 2 b x y + c y² has b² ≤ a c. *)
Lemma quadratic_form_nonneg : forall a b c,
  (forall x y, 0 <= a * x ^ 2 + 2 * b * (x * y) + c * y ^ 2) -> b ^ 2 <= a * c.
Proof.
  intros a b c H. assert (Ha : 0 <= a) by (generalize (H 1 0); lra).
  destruct (Rle_lt_or_eq_dec 0 a Ha) as [Hpos|<-].
  - generalize (H (- b) a). intro Hx.
    apply Rmult_le_reg_l with a; [exact Hpos|]. nra.
  - destruct (Req_dec b 0) as [->|Hb]; [lra|]. exfalso.
    generalize (H 0 1) (H (- (c + 1)) b). intros Hc Hx.
    assert (0 < b ^ 2) by (rewrite <- Rsqr_pow2; now apply Rsqr_pos_lt).
    assert (0 < (c + 2) * b ^ 2) by (apply Rmult_lt_0_compat; lra). nra.
Qed.

(* Cauchy–Schwarz: (u·v)² ≤ |u|²|v|², |u·v| ≤ |u||v|; the same of ⟨A, B⟩. *)
Lemma cauchy_schwarz2 : forall n u v, dot n u v ^ 2 <= norm2 n u * norm2 n v.
Proof.
  intros n u v. apply quadratic_form_nonneg; intros x y.
  generalize (norm2_nonneg n (fun i => x * u i + y * v i)).
  rewrite norm2_plus, !norm2_scal, dot_scal_l, dot_scal_r. lra.
Qed.

Lemma cauchy_schwarz : forall n u v, Rabs (dot n u v) <= norm n u * norm n v.
Proof.
  intros n u v. unfold norm. rewrite <- sqrt_mult by apply norm2_nonneg.
  rewrite <- sqrt_Rsqr_abs. apply sqrt_le_1_alt. generalize (cauchy_schwarz2 n u v). unfold Rsqr. lra.
Qed.

Lemma inner_cauchy_schwarz2 : forall n m A B, inner n m A B ^ 2 <= fro2 n m A * fro2 n m B.
Proof.
  intros n m A B. apply quadratic_form_nonneg; intros x y.
  generalize (fro2_nonneg n m (fun i j => x * A i j + y * B i j)).
  rewrite fro2_plus, !fro2_scal, inner_scal_l, inner_scal_r. lra.
Qed.

Lemma inner_cauchy_schwarz : forall n m A B, Rabs (inner n m A B) <= fro n m A * fro n m B.
Proof.
  intros n m A B. unfold fro. rewrite <- sqrt_mult by apply fro2_nonneg.
  rewrite <- sqrt_Rsqr_abs. apply sqrt_le_1_alt. generalize (inner_cauchy_schwarz2 n m A B). unfold Rsqr. lra.
Qed.

(* B1, the read-out of a rank-one update: (W + a u kᵀ) k = W k + a |k|² u. *)
Lemma mv_ext : forall n m W W' k k',
  (forall i j, (i < n)%nat -> (j < m)%nat -> W i j = W' i j) -> (forall j, (j < m)%nat -> k j = k' j) ->
  forall i, (i < n)%nat -> mv m W k i = mv m W' k' i.
Proof. intros n m W W' k k' HW Hk i Hi. apply sum_ext; intros j Hj. rewrite HW, Hk; auto. Qed.

Lemma mv_plus : forall m A B k i, mv m (fun i j => A i j + B i j) k i = mv m A k i + mv m B k i.
Proof. intros. unfold mv. rewrite <- sum_plus. apply sum_ext; intros. ring. Qed.

Lemma mv_minus : forall m A B k i, mv m (fun i j => A i j - B i j) k i = mv m A k i - mv m B k i.
Proof. intros. unfold mv. rewrite <- sum_minus. apply sum_ext; intros. ring. Qed.

Lemma mv_scal : forall m c A k i, mv m (fun i j => c * A i j) k i = c * mv m A k i.
Proof. intros. unfold mv. rewrite <- sum_scal_l. apply sum_ext; intros. ring. Qed.

Lemma mv_outer : forall m u k q i, mv m (outer u k) q i = u i * dot m k q.
Proof. intros. unfold mv, outer, dot. rewrite <- sum_scal_l. apply sum_ext; intros. ring. Qed.

Lemma mv_rank_one : forall m W a u k i,
  mv m (fun i j => W i j + a * u i * k j) k i = mv m W k i + a * norm2 m k * u i.
Proof.
  intros. rewrite mv_plus. f_equal.
  replace (mv m (fun i j => a * u i * k j) k i) with (mv m (outer (fun i => a * u i) k) k i) by reflexivity.
  rewrite mv_outer. unfold norm2. ring.
Qed.

(* v − (W + a u kᵀ) k = (v − W k) − a |k|² u *)
Lemma error_rank_one : forall m W a u v k i,
  error m (fun i j => W i j + a * u i * k j) v k i = error m W v k i - a * norm2 m k * u i.
Proof. intros. unfold error. rewrite mv_rank_one. ring. Qed.

Lemma error_ext : forall m W W' v k i, (forall j, (j < m)%nat -> W i j = W' i j) -> error m W v k i = error m W' v k i.
Proof. intros m W W' v k i H. unfold error. f_equal. apply sum_ext; intros j Hj. now rewrite H. Qed.

Lemma vm_transpose : forall n v W j, vm n v W j = mv n (transpose W) v j.
Proof. intros. unfold vm, mv, transpose. apply sum_ext; intros. ring. Qed.

(* B2, rank-one inner products: ⟨A, u kᵀ⟩ = u·(A k), ‖u kᵀ‖² = |u|²|k|²; |A k|² ≤ ‖A‖²|k|². *)
Lemma inner_outer : forall n m A u k, inner n m A (fun i j => u i * k j) = dot n u (mv m A k).
Proof.
  intros. unfold inner, dot, mv. apply sum_ext; intros. rewrite <- sum_scal_l. apply sum_ext; intros. ring.
Qed.

Lemma fro2_outer : forall n m u k, fro2 n m (fun i j => u i * k j) = norm2 n u * norm2 m k.
Proof.
  intros. unfold fro2. rewrite inner_outer.
  rewrite (dot_ext n u u _ (fun i => norm2 m k * u i)); [|reflexivity|].
  - rewrite dot_scal_r. unfold norm2. ring.
  - intros i _. change (mv m (outer u k) k i = norm2 m k * u i). rewrite mv_outer. unfold norm2. ring.
Qed.

Lemma fro_outer : forall n m u k, fro n m (fun i j => u i * k j) = norm n u * norm m k.
Proof. intros. unfold fro, norm. rewrite fro2_outer. apply sqrt_mult; apply norm2_nonneg. Qed.

Lemma norm2_mv_le : forall n m A k, norm2 n (mv m A k) <= fro2 n m A * norm2 m k.
Proof.
  intros. unfold norm2 at 1, dot. unfold fro2. rewrite inner_rows, <- sum_scal_r.
  apply sum_le; intros i _. generalize (cauchy_schwarz2 m (A i) k).
  unfold mv, norm2, dot. lra.
Qed.

(* B3, rank-one products: (c rᵀ)(c' r'ᵀ) = (r·c') c r'ᵀ, (u kᵀ)ᵀ = k uᵀ. *)
Lemma mm_outer : forall l c r c' r' i j, mm l (outer c r) (outer c' r') i j = dot l r c' * outer c r' i j.
Proof. intros. unfold mm, outer, dot. rewrite <- sum_scal_r. apply sum_ext; intros. ring. Qed.

Lemma transpose_outer : forall u k i j, transpose (outer u k) i j = outer k u i j.
Proof. intros. unfold transpose, outer. ring. Qed.

(* The product of matrices is associative and linear, and its transpose is the product of the transposes. *)
Lemma mm_ext : forall l A A' B B' i j,
  (forall a, (a < l)%nat -> A i a = A' i a) -> (forall a, (a < l)%nat -> B a j = B' a j) ->
  mm l A B i j = mm l A' B' i j.
Proof. intros l A A' B B' i j HA HB. apply sum_ext; intros a Ha. rewrite HA, HB; auto. Qed.

Lemma mm_assoc : forall l m A B C i j, mm l A (mm m B C) i j = mm m (mm l A B) C i j.
Proof.
  intros. unfold mm.
  rewrite (sum_ext l _ (fun a => sum m (fun b => A i a * B a b * C b j)))
    by (intros a _; rewrite <- sum_scal_l; apply sum_ext; intros; ring).
  rewrite sum_swap. apply sum_ext; intros b _. apply sum_scal_r.
Qed.

Lemma mm_plus_l : forall l A A' B i j, mm l (fun i j => A i j + A' i j) B i j = mm l A B i j + mm l A' B i j.
Proof. intros. unfold mm. rewrite <- sum_plus. apply sum_ext; intros. ring. Qed.

Lemma mm_minus_l : forall l A A' B i j, mm l (fun i j => A i j - A' i j) B i j = mm l A B i j - mm l A' B i j.
Proof. intros. unfold mm. rewrite <- sum_minus. apply sum_ext; intros. ring. Qed.

Lemma mm_scal_l : forall l c A B i j, mm l (fun i j => c * A i j) B i j = c * mm l A B i j.
Proof. intros. unfold mm. rewrite <- sum_scal_l. apply sum_ext; intros. ring. Qed.

Lemma mm_plus_r : forall l A B B' i j, mm l A (fun i j => B i j + B' i j) i j = mm l A B i j + mm l A B' i j.
Proof. intros. unfold mm. rewrite <- sum_plus. apply sum_ext; intros. ring. Qed.

Lemma mm_minus_r : forall l A B B' i j, mm l A (fun i j => B i j - B' i j) i j = mm l A B i j - mm l A B' i j.
Proof. intros. unfold mm. rewrite <- sum_minus. apply sum_ext; intros. ring. Qed.

Lemma mm_scal_r : forall l c A B i j, mm l A (fun i j => c * B i j) i j = c * mm l A B i j.
Proof. intros. unfold mm. rewrite <- sum_scal_l. apply sum_ext; intros. ring. Qed.

Lemma mm_transpose : forall l A B i j, transpose (mm l A B) i j = mm l (transpose B) (transpose A) i j.
Proof. intros. unfold transpose, mm. apply sum_ext; intros. ring. Qed.

Lemma mv_mm : forall l m A B k i, mv m (mm l A B) k i = mv l A (mv m B k) i.
Proof.
  intros. unfold mv, mm.
  rewrite (sum_ext m _ (fun j => sum l (fun a => A i a * B a j * k j)))
    by (intros j _; rewrite <- sum_scal_r; reflexivity).
  rewrite sum_swap. apply sum_ext; intros a _. rewrite <- sum_scal_l. apply sum_ext; intros. ring.
Qed.
